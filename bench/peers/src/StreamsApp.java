package holdfast.peers;

import java.util.Arrays;
import java.util.PriorityQueue;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.AutoOffsetReset;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.TimestampExtractor;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * The churn job on Kafka Streams: a RocksDB store of the customers. Their timers stand in memory, made anew from the
 * store where a task starts: a store in order of time costs two writes a timer, and a punctuator on stream time that is
 * due all the time, as in a backlog, leaves one record to each poll. Arguments: brokers, application id, events to
 * expect, state directory, threads.
 */
public final class StreamsApp {
  /** The task takes the record with the least of these next. */
  private static final class EventTime implements TimestampExtractor {
    @Override
    public long extract(ConsumerRecord<Object, Object> record, long partitionTime) {
      return ((Event) record.value()).time;
    }
  }

  private record Timer(long due, String id) implements Comparable<Timer> {
    @Override
    public int compareTo(Timer other) {
      int byTime = Long.compare(due, other.due);
      return byTime != 0 ? byTime : id.compareTo(other.id);
    }
  }

  private static final class ChurnProcessor implements Processor<String, Event, String, String> {
    private final PriorityQueue<Timer> timers = new PriorityQueue<>();
    private ProcessorContext<String, String> context;
    private KeyValueStore<String, byte[]> customers;

    @Override
    public void init(ProcessorContext<String, String> context) {
      this.context = context;
      customers = context.getStateStore("customers");
      try (KeyValueIterator<String, byte[]> all = customers.all()) {
        while (all.hasNext()) {
          KeyValue<String, byte[]> stored = all.next();
          Customer customer = Customer.decode(stored.value);
          if (customer.scheduled != Mbg.NEVER) timers.add(new Timer(customer.scheduled, stored.key));
        }
      }
    }

    @Override
    public void process(Record<String, Event> record) {
      fireDue(record.timestamp());
      String id = record.key();
      byte[] stored = customers.get(id);
      Customer customer = stored == null ? new Customer() : Customer.decode(stored);
      Churn.apply(id, customer, record.value(), this::forward);
      store(id, customer);
      Progress.event();
    }

    private void fireDue(long now) {
      while (!timers.isEmpty() && timers.peek().due <= now) {
        Timer timer = timers.poll();
        Customer customer = Customer.decode(customers.get(timer.id));
        if (customer.scheduled != timer.due) continue;
        customer.scheduled = Mbg.NEVER;
        Churn.fire(timer.id, customer, now, this::forward);
        store(timer.id, customer);
      }
    }

    /** The record has the time of day: with that of its event it would be too old for its topic to keep. */
    private void forward(String id, String json) {
      context.forward(new Record<>(id, json, context.currentSystemTimeMs()));
    }

    private void store(String id, Customer customer) {
      if (customer.due < customer.scheduled) {
        customer.scheduled = customer.due;
        timers.add(new Timer(customer.due, id));
      }
      customers.put(id, customer.encode());
    }
  }

  private StreamsApp() {}

  private static Topology topology(String alerts) {
    Topology topology = new Topology();
    for (Event.Kind kind : Event.Kind.values()) {
      Deserializer<Event> events = (topic, json) -> Event.parse(kind, json);
      topology.addSource(AutoOffsetReset.earliest(), kind.topic, new EventTime(), new StringDeserializer(), events,
          kind.topic);
    }
    topology.addProcessor("churn", ChurnProcessor::new,
        Arrays.stream(Event.Kind.values()).map(kind -> kind.topic).toArray(String[]::new));
    topology.addStateStore(Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore("customers"), Serdes.String(),
        Serdes.ByteArray()).withCachingEnabled(), "churn");
    topology.addSink("alerts", alerts, new StringSerializer(), new StringSerializer(), "churn");
    return topology;
  }

  public static void main(String[] args) throws Exception {
    Progress.expect(Long.parseLong(args[2]));
    Properties p = new Properties();
    p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
    p.put(StreamsConfig.APPLICATION_ID_CONFIG, args[1]);
    p.put(StreamsConfig.STATE_DIR_CONFIG, args[3]);
    p.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, args[4]);
    p.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    p.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 100);
    // Wait for what the broker has and the consumer has not fetched yet: the topics are merged by event time.
    p.put(StreamsConfig.MAX_TASK_IDLE_MS_CONFIG, 0);
    // Room for the customers in use: what the cache holds needs no look into RocksDB.
    p.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 512L << 20);
    // Larger polls, fetches and batches than the defaults, which are for many small clients.
    p.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 5000);
    p.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 5000);
    p.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG), 4 << 20);
    // While a topic that is read to its end waits for more, those that have more wait with it.
    p.put(StreamsConfig.consumerPrefix(ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG), 10);
    p.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 1 << 20);
    p.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), 20);
    p.put(StreamsConfig.producerPrefix(ProducerConfig.BUFFER_MEMORY_CONFIG), 128L << 20);
    KafkaStreams streams = new KafkaStreams(topology(args[1] + "-alerts"), p);
    streams.setUncaughtExceptionHandler(e -> {
      e.printStackTrace();
      Runtime.getRuntime().halt(1);
      return null;
    });
    streams.start();
    while (!Progress.done()) Thread.sleep(10);
    streams.close();
    Progress.print();
  }
}
