import java.io.FileInputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;

/** As much of Kafka's kafka-acls.sh as docker/kafka/acls.sh asks for: its own is in a package of tools. */
public class Acls {
    public static void main(String[] args) throws Exception {
        Properties login = new Properties();
        List<AclOperation> operations = new ArrayList<>();
        String user = null;
        ResourcePattern resource = null;
        for (int at = 0; at < args.length; at++) {
            switch (args[at]) {
                case "--add" -> { }
                case "--allow-principal" -> user = args[++at];
                case "--bootstrap-server" -> login.put("bootstrap.servers", args[++at]);
                case "--command-config" -> login.load(new FileInputStream(args[++at]));
                case "--group" -> resource = literal(ResourceType.GROUP, args[++at]);
                // The tool takes names as they are here: `DescribeConfigs`.
                case "--operation" -> operations.add(AclOperation.fromString(
                        args[++at].replaceAll("(?<=[a-z])(?=[A-Z])", "_").toUpperCase()));
                case "--topic" -> resource = literal(ResourceType.TOPIC, args[++at]);
                default -> throw new IllegalArgumentException(args[at]);
            }
        }
        List<AclBinding> acls = new ArrayList<>();
        for (AclOperation operation : operations) {
            acls.add(new AclBinding(resource,
                    new AccessControlEntry(user, "*", operation, AclPermissionType.ALLOW)));
        }
        try (Admin admin = Admin.create(login)) {
            admin.createAcls(acls).all().get();
        }
    }

    private static ResourcePattern literal(ResourceType type, String name) {
        return new ResourcePattern(type, name, PatternType.LITERAL);
    }
}
