package holdfast.peers;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.serialization.AbstractDeserializationSchema;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.TypeHint;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * The churn job on Flink, in a cluster within this process. Topics come in at their own pace each, so a customer's
 * events wait in state until the watermark has passed them and are applied in order of time; or, unordered, they are
 * applied as they come. Arguments: brokers, name of the run, events to expect, state directory, parallelism, rocksdb or
 * hashmap, ordered or unordered.
 */
public final class FlinkApp {
  private static final class Schema extends AbstractDeserializationSchema<Event> {
    private final Event.Kind kind;

    Schema(Event.Kind kind) {
      super(Event.class);
      this.kind = kind;
    }

    @Override
    public Event deserialize(byte[] json) {
      return Event.parse(kind, json);
    }
  }

  private static final class ChurnFunction extends KeyedProcessFunction<String, Event, Tuple2<String, String>> {
    private final boolean ordered;
    private transient ValueState<byte[]> customers;
    private transient ListState<Event> waiting;
    private transient long latest;

    ChurnFunction(boolean ordered) {
      this.ordered = ordered;
    }

    @Override
    public void open(OpenContext context) {
      customers = getRuntimeContext().getState(
          new ValueStateDescriptor<>("customers", PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO));
      waiting = getRuntimeContext().getListState(new ListStateDescriptor<>("waiting", Event.class));
    }

    @Override
    public void processElement(Event event, Context context, Collector<Tuple2<String, String>> out) throws Exception {
      latest = Math.max(latest, event.time);
      RECEIVED.increment();
      if (ordered && event.time > context.timerService().currentWatermark()) {
        waiting.add(event);
        context.timerService().registerEventTimeTimer(event.time);
        return;
      }
      Customer customer = load();
      apply(customer, event, out);
      store(customer, context);
    }

    @Override
    public void onTimer(long time, OnTimerContext context, Collector<Tuple2<String, String>> out) throws Exception {
      // At the end of the job the watermark leaps to the end of time: customers do not.
      if (time > latest) return;
      Customer customer = load();
      if (ordered) applyWaiting(customer, time, out);
      if (customer.scheduled <= time) customer.scheduled = Mbg.NEVER;
      Churn.fire(context.getCurrentKey(), customer, time, (id, json) -> out.collect(Tuple2.of(id, json)));
      store(customer, context);
    }

    private void applyWaiting(Customer customer, long time, Collector<Tuple2<String, String>> out) throws Exception {
      List<Event> later = new ArrayList<>();
      List<Event> now = new ArrayList<>();
      for (Event event : waiting.get()) (event.time <= time ? now : later).add(event);
      if (now.isEmpty()) return;
      now.sort(Comparator.comparingLong((Event event) -> event.time).thenComparing(event -> event.kind));
      for (Event event : now) apply(customer, event, out);
      waiting.update(later);
    }

    private static void apply(Customer customer, Event event, Collector<Tuple2<String, String>> out) {
      Churn.apply(event.customer, customer, event, (id, json) -> out.collect(Tuple2.of(id, json)));
      Progress.event();
    }

    private Customer load() throws Exception {
      byte[] stored = customers.value();
      return stored == null ? new Customer() : Customer.decode(stored);
    }

    private void store(Customer customer, Context context) throws Exception {
      if (customer.due < customer.scheduled) {
        context.timerService().registerEventTimeTimer(customer.due);
        customer.scheduled = customer.due;
      }
      customers.update(customer.encode());
    }
  }

  private static final LongAdder RECEIVED = new LongAdder();

  private FlinkApp() {}

  private static Configuration configuration(String directory, String backend) {
    Configuration c = new Configuration();
    c.setString("restart-strategy.type", "none");
    c.setString("state.backend.type", backend);
    c.setString("execution.checkpointing.interval", "10s");
    c.setString("execution.checkpointing.dir", "file://" + directory);
    c.setString("execution.checkpointing.incremental", "true");
    // Timers in memory, where there is room for them: each saves two writes to RocksDB.
    c.setString("state.backend.rocksdb.timer-service.factory", "heap");
    // Most looks for waiting events find none.
    c.setString("state.backend.rocksdb.use-bloom-filter", "true");
    // RocksDB's cache and write buffers; outside of the Java heap.
    c.setString("taskmanager.memory.managed.size", "1g");
    c.setString("taskmanager.memory.network.max", "256m");
    // No copies between functions of one task: they keep and change nothing.
    c.setString("pipeline.object-reuse", "true");
    return c;
  }

  public static void main(String[] args) throws Exception {
    String run = args[1];
    boolean ordered = args[6].equals("ordered");
    Progress.expect(Long.parseLong(args[2]));
    StreamExecutionEnvironment env =
        StreamExecutionEnvironment.getExecutionEnvironment(configuration(args[3], args[5]));
    env.setParallelism(Integer.parseInt(args[4]));
    DataStream<Event> all = null;
    for (Event.Kind kind : Event.Kind.values()) {
      KafkaSource<Event> source = KafkaSource.<Event>builder()
          .setBootstrapServers(args[0])
          .setTopics(kind.topic)
          .setGroupId(run)
          .setStartingOffsets(OffsetsInitializer.earliest())
          .setValueOnlyDeserializer(new Schema(kind))
          .build();
      WatermarkStrategy<Event> watermarks = WatermarkStrategy.<Event>forMonotonousTimestamps()
          .withTimestampAssigner((event, ignored) -> event.time);
      // Bounds what waits. A topic can go no faster than the drift in each interval: here a year in 4 s.
      if (ordered) {
        watermarks = watermarks.withWatermarkAlignment("events", Duration.ofDays(10), Duration.ofMillis(100));
      }
      DataStream<Event> events = env.fromSource(source, watermarks, kind.topic);
      all = all == null ? events : all.union(events);
    }
    String alerts = run + "-alerts";
    KafkaSink<Tuple2<String, String>> sink = KafkaSink.<Tuple2<String, String>>builder()
        .setBootstrapServers(args[0])
        .setRecordSerializer((alert, context, timestamp) -> new ProducerRecord<>(alerts,
            alert.f0.getBytes(StandardCharsets.UTF_8), alert.f1.getBytes(StandardCharsets.UTF_8)))
        .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE)
        .setTransactionalIdPrefix(run)
        // Longer than any checkpoint, and the longest that a broker allows by default.
        .setProperty("transaction.timeout.ms", "900000")
        .setProperty("batch.size", "1048576")
        .setProperty("linger.ms", "20")
        .build();
    all.keyBy(event -> event.customer, TypeInformation.of(String.class))
        .process(new ChurnFunction(ordered), TypeInformation.of(new TypeHint<Tuple2<String, String>>() {}))
        .sinkTo(sink);
    // A reader with an end fails where watermarks are aligned. So the job has none, and is stopped like any other, with
    // all that still waits.
    JobClient job = env.executeAsync("churn");
    while (RECEIVED.sum() < Long.parseLong(args[2])) {
      if (job.getJobStatus().get().isGloballyTerminalState()) break;
      Thread.sleep(10);
    }
    job.stopWithSavepoint(true, "file://" + args[3], SavepointFormatType.NATIVE).get();
    job.getJobExecutionResult().get();
    Progress.print();
    System.exit(0);
  }
}
