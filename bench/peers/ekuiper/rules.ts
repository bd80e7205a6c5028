/** The job in eKuiper's SQL. Analytic functions run before windows, so a second rule finds the changes of level. */

/** The feed puts each quantity in tenths, once. */
const feedColumns = ['rainfall', 'windGust', 'airTemperature', 'relativeHumidity']
  .map((quantity) => `round(\`values\`->${quantity}*10) as ${quantity}`)
  .join(', ');

/** Columns of one rule: the aggregate, once, and the level read off it. */
function level(
  rule: string,
  aggregate: string,
  thresholds: readonly [number, number, number],
  compare: '>=' | '<=',
): string {
  const scale = rule === 'heat_3h' || rule === 'dry_3h' ? ' * readings' : '';
  const [yellow, orange, red] = thresholds.map(
    (threshold) => `${rule}_value ${compare} ${threshold}${scale}`,
  );
  return `${aggregate} as ${rule}_value, CASE WHEN ${red} THEN 3 WHEN ${orange} THEN 2 WHEN ${yellow} THEN 1 ELSE 0 END as ${rule}`;
}

interface Windows {
  readonly topic: string;
  /** eKuiper's window holds its left edge, too: one second less than the span, instants being whole seconds. */
  readonly seconds: number;
  /** Column of each rule's level (its name with `_`), and what computes it. */
  readonly levels: readonly (readonly [column: string, expression: string])[];
}

export const windows: readonly Windows[] = [
  {
    topic: 'hour',
    seconds: 3600 - 1,
    levels: [
      ['rain_1h', level('rain_1h', 'sum(rainfall)', [200, 300, 600], '>=')],
      ['gust_1h', level('gust_1h', 'max(windGust)', [170, 250, 330], '>=')],
      ['cold_1h', level('cold_1h', 'max(airTemperature)', [30, 0, -30], '<=')],
    ],
  },
  {
    topic: 'three',
    seconds: 10_800 - 1,
    levels: [
      ['rain_3h', level('rain_3h', 'sum(rainfall)', [400, 600, 900], '>=')],
      ['heat_3h', level('heat_3h', 'sum(airTemperature)', [340, 370, 400], '>=')],
      ['dry_3h', level('dry_3h', 'sum(relativeHumidity)', [300, 200, 120], '<=')],
    ],
  },
];

const options = { lateTolerance: 0, bufferLength: 1024, disableBufferFullDiscard: true };
const timestamp = 'TIMESTAMP="observedAt", TIMESTAMP_FORMAT="YYYY-MM-ddTHH:mm:ssZ"';

export interface Plan {
  readonly streams: readonly string[];
  /** In the order in which they must start: readers before writers. */
  readonly rules: readonly object[];
}

/**
 * Every station has a memory topic of its own, so that a window holds one station's readings: a window over all stations,
 * grouped, is computed for every station at every report, which is quadratic.
 */
export function plan(file: string, stations: readonly string[], output: (topic: string) => string): Plan {
  const streams = [
    `CREATE STREAM reports () WITH (TYPE="file", DATASOURCE="${file}", FORMAT="json", CONF_KEY="reports")`,
  ];
  const rules: object[] = [];
  for (const { topic, levels } of windows) {
    streams.push(
      `CREATE STREAM ${topic}_levels () WITH (TYPE="memory", DATASOURCE="${topic}", FORMAT="json")`,
    );
    const columns = levels.map(
      ([column]) => `${column}, lag(${column}, 1, 0) OVER (PARTITION BY station) as ${column}_before`,
    );
    const changed = levels.map(([column]) => `lag(${column}, 1, 0) OVER (PARTITION BY station) != ${column}`);
    rules.push({
      id: `changes_${topic}`,
      sql: `SELECT station, at, ${columns.join(', ')} FROM ${topic}_levels WHERE ${changed.join(' OR ')}`,
      actions: [{ file: { path: output(topic), fileType: 'lines', format: 'json', sendSingle: true } }],
      options,
    });
  }
  for (const station of stations) {
    streams.push(
      `CREATE STREAM ${station} () WITH (TYPE="memory", DATASOURCE="reports/${station}", FORMAT="json", ${timestamp})`,
    );
    for (const { topic, seconds, levels } of windows)
      rules.push({
        id: `${topic}_${station}`,
        sql: `SELECT "${station}" as station, max(observedAt) as at, count(*) as readings, ${levels.map(([, columns]) => columns).join(', ')} FROM ${station} GROUP BY SLIDINGWINDOW(ss, ${seconds})`,
        actions: [{ memory: { topic, sendSingle: true } }],
        options: { ...options, isEventTime: true },
      });
  }
  rules.push({
    id: 'feed',
    sql: `SELECT station, observedAt, ${feedColumns} FROM reports`,
    actions: [{ memory: { topic: 'reports/{{.station}}', sendSingle: true } }],
    options,
  });
  return { streams, rules };
}
