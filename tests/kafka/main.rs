//! The log in Kafka, on a real broker; librdkafka's mock cluster stands in where a fault must be had on
//! demand.
#![cfg(test)]

#[path = "../../crates/transport/tests/contract/drive.rs"]
#[expect(dead_code, reason = "each test binary uses its part")]
mod drive;
#[path = "../../crates/transport/tests/contract/suite.rs"]
mod suite;

mod broker;
mod contract;
mod group;
mod mock;
mod producer;
mod recreate;
mod retention;
mod rights;
mod security;
mod spill;
mod support;
mod tail;
mod topic;
