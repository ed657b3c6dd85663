#!/bin/bash
# Gives candor's users in Kafka their rights, and no others. For brokers with logins and an authorizer
# (authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer); the users themselves are made with
# kafka-configs.sh. May be run again.
#
#   acls.sh BOOTSTRAP COMMAND_CONFIG TOPIC GROUP
#
# COMMAND_CONFIG is the file with which kafka-acls.sh, which must be in PATH, logs in as somebody who may.
set -euo pipefail

if [ $# -ne 4 ]; then
  echo "acls.sh: BOOTSTRAP COMMAND_CONFIG TOPIC GROUP" >&2
  exit 64
fi
bootstrap=$1 config=$2 topic=$3 group=$4

allow() {
  local user=$1
  shift
  kafka-acls.sh --bootstrap-server "$bootstrap" --command-config "$config" \
    --add --allow-principal "User:$user" "$@"
}

# `candor collect`
allow candor-collector --operation Describe --operation Write --topic "$topic"
# `candor sink`
allow candor-sink --operation Describe --operation Read --topic "$topic"
allow candor-sink --operation Read --group "$group"
# `candor migrate`
allow candor-migrator --operation Create --operation Describe --operation DescribeConfigs --topic "$topic"
# `candor audit`
allow candor-auditor --operation Describe --topic "$topic"
allow candor-auditor --operation Describe --group "$group"
