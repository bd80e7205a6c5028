package peer;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.function.Consumer;

/** What the two Java peers share: the report, the rules, and the state of one station. Values are in tenths: exact. */
public final class Job {
  static final String[] LEVELS = {"none", "yellow", "orange", "red"};
  static final int RAIN = 0, GUST = 1, TEMPERATURE = 2, HUMIDITY = 3, QUANTITIES = 4;

  enum Kind { SUM, MAX, AVG }

  record Rule(String name, int quantity, int minutes, Kind kind, int[] thresholds, boolean isAbove) {}

  static final Rule[] RULES = {
    new Rule("rain-1h", RAIN, 60, Kind.SUM, new int[] {200, 300, 600}, true),
    new Rule("rain-3h", RAIN, 180, Kind.SUM, new int[] {400, 600, 900}, true),
    new Rule("gust-1h", GUST, 60, Kind.MAX, new int[] {170, 250, 330}, true),
    new Rule("heat-3h", TEMPERATURE, 180, Kind.AVG, new int[] {340, 370, 400}, true),
    new Rule("cold-1h", TEMPERATURE, 60, Kind.MAX, new int[] {30, 0, -30}, false),
    new Rule("dry-3h", HUMIDITY, 180, Kind.AVG, new int[] {300, 200, 120}, false),
  };
  static final long LONGEST_MS = 180 * 60_000L;

  @JsonIgnoreProperties(ignoreUnknown = true)
  public static final class Values {
    public double rainfall, windGust, airTemperature, relativeHumidity;
  }

  @JsonIgnoreProperties(ignoreUnknown = true)
  public static final class Report {
    public String station, observedAt;
    public Values values;
  }

  private static final ObjectReader READER = new ObjectMapper().readerFor(Report.class);

  static Report parse(String line) {
    try {
      return READER.readValue(line);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The readings of the longest window in a ring, oldest first from `head`, and the level of each rule. */
  public static final class State {
    int capacity = 64, head = 0, size = 0;
    long[] at = new long[capacity];
    int[] value = new int[capacity * QUANTITIES];
    final byte[] level = new byte[RULES.length];

    void add(Report report, Consumer<String> out) {
      long now = Instant.parse(report.observedAt).toEpochMilli();
      while (size > 0 && at[head] <= now - LONGEST_MS) {
        head = (head + 1) & (capacity - 1);
        size--;
      }
      if (size == capacity) grow();
      int i = (head + size++) & (capacity - 1);
      at[i] = now;
      value[i * QUANTITIES + RAIN] = tenths(report.values.rainfall);
      value[i * QUANTITIES + GUST] = tenths(report.values.windGust);
      value[i * QUANTITIES + TEMPERATURE] = tenths(report.values.airTemperature);
      value[i * QUANTITIES + HUMIDITY] = tenths(report.values.relativeHumidity);
      for (int r = 0; r < RULES.length; r++) {
        byte found = levelOf(RULES[r], now);
        if (found == level[r]) continue;
        out.accept(report.station + "\t" + RULES[r].name + "\t" + report.observedAt + "\t" + LEVELS[level[r]] + "\t" + LEVELS[found]);
        level[r] = found;
      }
    }

    private byte levelOf(Rule rule, long now) {
      long before = now - rule.minutes * 60_000L;
      int sum = 0, max = Integer.MIN_VALUE, count = 0;
      for (int k = size - 1; k >= 0; k--) {
        int i = (head + k) & (capacity - 1);
        if (at[i] <= before) break;
        int v = value[i * QUANTITIES + rule.quantity];
        sum += v;
        max = Math.max(max, v);
        count++;
      }
      int found = rule.kind == Kind.MAX ? max : sum;
      int scale = rule.kind == Kind.AVG ? count : 1;
      byte result = 0;
      for (int threshold : rule.thresholds)
        if (rule.isAbove ? found >= threshold * scale : found <= threshold * scale) result++;
      return result;
    }

    private void grow() {
      State old = this;
      long[] newAt = new long[capacity * 2];
      int[] newValue = new int[capacity * 2 * QUANTITIES];
      for (int k = 0; k < size; k++) {
        int i = (old.head + k) & (capacity - 1);
        newAt[k] = at[i];
        System.arraycopy(value, i * QUANTITIES, newValue, k * QUANTITIES, QUANTITIES);
      }
      at = newAt;
      value = newValue;
      capacity *= 2;
      head = 0;
    }

    byte[] toBytes() {
      ByteBuffer bytes = ByteBuffer.allocate(4 + size * (8 + 4 * QUANTITIES) + RULES.length);
      bytes.putInt(size);
      for (int k = 0; k < size; k++) {
        int i = (head + k) & (capacity - 1);
        bytes.putLong(at[i]);
        for (int q = 0; q < QUANTITIES; q++) bytes.putInt(value[i * QUANTITIES + q]);
      }
      return bytes.put(level).array();
    }

    static State fromBytes(byte[] from) {
      ByteBuffer bytes = ByteBuffer.wrap(from);
      State state = new State();
      int size = bytes.getInt();
      while (state.capacity < size) state.grow();
      for (int k = 0; k < size; k++) {
        state.at[k] = bytes.getLong();
        for (int q = 0; q < QUANTITIES; q++) state.value[k * QUANTITIES + q] = bytes.getInt();
      }
      state.size = size;
      bytes.get(state.level);
      return state;
    }
  }

  static int tenths(double value) {
    return (int) Math.round(value * 10);
  }

  static void write(String path, List<String> lines) throws IOException {
    Files.write(Path.of(path), lines);
  }

  /** CPU time of this process so far, ns. */
  static long cpuNs() {
    return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
  }

  static void told(int pass, long beganNs, long cpuBeganNs, int alerts) {
    double cpu = (cpuNs() - cpuBeganNs) / 1e6;
    System.out.println("{\"pass\":" + pass + ",\"ms\":" + (System.nanoTime() - beganNs) / 1e6 + ",\"cpu\":" + cpu + ",\"alerts\":" + alerts + "}");
  }
}
