package peer;

import java.io.BufferedReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.common.serialization.VoidDeserializer;
import org.apache.kafka.common.serialization.VoidSerializer;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TestOutputTopic;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * The peers' job in Kafka Streams' Processor API over the TopologyTestDriver: no broker, one thread, an in-memory store
 * without changelog (the store's values are bytes all the same, as everywhere in Kafka Streams).
 */
public final class Main {
  static final class Parse extends ContextualProcessor<Void, String, String, Job.Report> {
    @Override
    public void process(Record<Void, String> record) {
      Job.Report report = Job.parse(record.value());
      context().forward(new Record<>(report.station, report, record.timestamp()));
    }
  }

  static final class Windows extends ContextualProcessor<String, Job.Report, String, String> {
    private KeyValueStore<String, Job.State> store;

    @Override
    public void init(ProcessorContext<String, String> context) {
      super.init(context);
      store = context.getStateStore("stations");
    }

    @Override
    public void process(Record<String, Job.Report> record) {
      Job.State state = store.get(record.key());
      if (state == null) state = new Job.State();
      state.add(record.value(), line -> context().forward(new Record<>(record.key(), line, record.timestamp())));
      store.put(record.key(), state);
    }
  }

  static Topology topology() {
    Serde<Job.State> states =
        Serdes.serdeFrom((topic, state) -> state.toBytes(), (topic, bytes) -> bytes == null ? null : Job.State.fromBytes(bytes));
    return new Topology()
        .addSource("reports", new VoidDeserializer(), new StringDeserializer(), "reports")
        .addProcessor("parse", Parse::new, "reports")
        .addProcessor("windows", Windows::new, "parse")
        .addStateStore(
            Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore("stations"), Serdes.String(), states)
                .withLoggingDisabled(),
            "windows")
        .addSink("alerts", "alerts", new StringSerializer(), new StringSerializer(), "windows");
  }

  public static void main(String[] args) throws Exception {
    for (int pass = 0; pass < Integer.parseInt(args[2]); pass++) {
      long began = System.nanoTime();
      long cpu = Job.cpuNs();
      List<String> found = new ArrayList<>();
      Properties config = new Properties();
      config.put(StreamsConfig.APPLICATION_ID_CONFIG, "peer");
      config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "none:1");
      config.put(StreamsConfig.STATE_DIR_CONFIG, Path.of(args[1]).resolveSibling("kafka-streams-state").toString());
      try (TopologyTestDriver driver = new TopologyTestDriver(topology(), config);
          BufferedReader lines = Files.newBufferedReader(Path.of(args[0]))) {
        TestInputTopic<Void, String> in = driver.createInputTopic("reports", new VoidSerializer(), new StringSerializer());
        TestOutputTopic<String, String> out =
            driver.createOutputTopic("alerts", new StringDeserializer(), new StringDeserializer());
        long at = 0;
        for (String line; (line = lines.readLine()) != null; ) {
          in.pipeInput(null, line, at++);
          if (!out.isEmpty()) found.addAll(out.readValuesToList());
        }
      }
      Job.write(args[1], found);
      Job.told(pass, began, cpu, found.size());
    }
  }
}
