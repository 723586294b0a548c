package holdfast.peers;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * Counts the committed alerts of a run by what changed, then deletes all of its topics: else the broker would go on
 * compacting them beside the next run. Arguments: brokers, name of the run, which its topics begin with.
 */
public final class Alerts {
  private static final String CHANGE = "\"change\":\"";

  private Alerts() {}

  public static void main(String[] args) throws Exception {
    String brokers = args[0];
    String run = args[1];
    Map<String, Long> counts = new TreeMap<>();
    try (var consumer = consumer(brokers, "read_committed"); var uncommitted = consumer(brokers, "read_uncommitted")) {
      List<TopicPartition> partitions = consumer.partitionsFor(run + "-alerts").stream()
          .map(p -> new TopicPartition(p.topic(), p.partition()))
          .toList();
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      // A commit returns before the broker has marked it in every partition.
      while (!consumer.endOffsets(partitions).equals(uncommitted.endOffsets(partitions))) Thread.sleep(100);
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      while (ends.entrySet().stream().anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
        for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(100))) {
          counts.merge(change(record.value()), 1L, Long::sum);
        }
      }
    }
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", brokers))) {
      Set<String> topics = admin.listTopics().names().get().stream()
          .filter(name -> name.startsWith(run + "-"))
          .collect(Collectors.toSet());
      admin.deleteTopics(topics).all().get();
    }
    System.out.printf("{\"alerts\":%d%s}%n", counts.values().stream().mapToLong(Long::longValue).sum(),
        counts.entrySet().stream()
            .map(count -> ",\"" + count.getKey() + "\":" + count.getValue())
            .collect(Collectors.joining()));
  }

  private static KafkaConsumer<String, String> consumer(String brokers, String isolation) {
    return new KafkaConsumer<>(Map.of("bootstrap.servers", brokers, "isolation.level", isolation),
        new StringDeserializer(), new StringDeserializer());
  }

  private static String change(String alert) {
    int from = alert.indexOf(CHANGE) + CHANGE.length();
    return alert.substring(from, alert.indexOf('"', from));
  }
}
