package peer;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.connector.file.src.FileSource;
import org.apache.flink.connector.file.src.reader.TextLineInputFormat;
import org.apache.flink.core.fs.Path;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/** The peers' job in Flink's DataStream API on a MiniCluster, parallelism 1, heap state, no checkpoints, object reuse. */
public final class Main {
  static final List<String> FOUND = Collections.synchronizedList(new ArrayList<>());

  static final class Windows extends KeyedProcessFunction<String, Job.Report, String> {
    private transient ValueState<Job.State> stations;

    @Override
    public void open(OpenContext context) {
      stations = getRuntimeContext().getState(new ValueStateDescriptor<>("station", Job.State.class));
    }

    @Override
    public void processElement(Job.Report report, Context context, Collector<String> out) throws Exception {
      Job.State state = stations.value();
      if (state == null) state = new Job.State();
      state.add(report, out::collect);
      stations.update(state);
    }
  }

  static final class Keep implements Sink<String> {
    @Override
    public SinkWriter<String> createWriter(WriterInitContext context) {
      return new SinkWriter<>() {
        @Override
        public void write(String line, Context context) {
          FOUND.add(line);
        }

        @Override
        public void flush(boolean endOfInput) {}

        @Override
        public void close() {}
      };
    }
  }

  public static void main(String[] args) throws Exception {
    Configuration config = new Configuration();
    config.set(RestOptions.PORT, 0);
    config.set(RestOptions.BIND_ADDRESS, "127.0.0.1");
    config.set(RestOptions.ADDRESS, "127.0.0.1");
    MiniClusterConfiguration cluster =
        new MiniClusterConfiguration.Builder()
            .setConfiguration(config)
            .setNumTaskManagers(1)
            .setNumSlotsPerTaskManager(1)
            .build();
    try (MiniCluster mini = new MiniCluster(cluster)) {
      mini.start();
      for (int pass = 0; pass < Integer.parseInt(args[2]); pass++) {
        long began = System.nanoTime();
        long cpu = Job.cpuNs();
        FOUND.clear();
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment(config);
        env.setParallelism(1);
        env.getConfig().enableObjectReuse();
        FileSource<String> lines =
            FileSource.forRecordStreamFormat(new TextLineInputFormat(), new Path(args[0])).build();
        env.fromSource(lines, WatermarkStrategy.noWatermarks(), "reports")
            .map(Job::parse)
            .returns(Job.Report.class)
            .keyBy(report -> report.station)
            .process(new Windows())
            .sinkTo(new Keep());
        mini.executeJobBlocking(env.getStreamGraph().getJobGraph());
        Job.write(args[1], new ArrayList<>(FOUND));
        Job.told(pass, began, cpu, FOUND.size());
      }
    }
  }
}
