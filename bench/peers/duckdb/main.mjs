// The peers' job in DuckDB, batch SQL on one thread: node main.mjs INPUT OUTPUT PASSES
import { createRequire } from 'node:module';

// The version is the package's own: the archive stands on it.
const { DuckDBInstance } = createRequire(import.meta.url)('@duckdb/node-api');
const [input, output, passes] = process.argv.slice(2);
const quoted = (path) => `'${path.replaceAll("'", "''")}'`;

/** Rule, aggregate over the window in tenths, window, comparison of a value with a threshold, thresholds in tenths. */
const rules = [
  ['rain-1h', 'sum(rain)', '1 hour', (v, t) => `${v} >= ${t}`, [200, 300, 600]],
  ['rain-3h', 'sum(rain)', '3 hours', (v, t) => `${v} >= ${t}`, [400, 600, 900]],
  ['gust-1h', 'max(gust)', '1 hour', (v, t) => `${v} >= ${t}`, [170, 250, 330]],
  ['heat-3h', 'sum(temperature)', '3 hours', (v, t) => `${v} >= ${t} * readings`, [340, 370, 400]],
  ['cold-1h', 'max(temperature)', '1 hour', (v, t) => `${v} <= ${t}`, [30, 0, -30]],
  ['dry-3h', 'sum(humidity)', '3 hours', (v, t) => `${v} <= ${t} * readings`, [300, 200, 120]],
];

const column = (i) => `v${i}`;
const level = ([, , , compare, thresholds], i) =>
  thresholds.map((threshold) => `(${compare(column(i), threshold)})::int`).join(' + ');
const frame = (span) => (span === '1 hour' ? 'one_hour' : 'three_hours');

const sql = `
copy (
  with reports as (
    select station, "observedAt" as instant,
      round("values".rainfall * 10)::int as rain, round("values"."windGust" * 10)::int as gust,
      round("values"."airTemperature" * 10)::int as temperature,
      round("values"."relativeHumidity" * 10)::int as humidity
    from read_json(${quoted(input)}, format = 'newline_delimited', columns = {
      station: 'varchar', "observedAt": 'timestamp',
      "values": 'struct(rainfall double, "windGust" double, "airTemperature" double, "relativeHumidity" double)'
    })
  ), windows as (
    select station, instant, count(*) over three_hours as readings,
      ${rules.map((rule, i) => `${rule[1]} over ${frame(rule[2])} as ${column(i)}`).join(', ')}
    from reports
    window
      one_hour as (partition by station order by instant range between interval 3599999 milliseconds preceding and current row),
      three_hours as (partition by station order by instant range between interval 10799999 milliseconds preceding and current row)
  ), levels as (
    select station, instant, ${rules.map((rule, i) => `${level(rule, i)} as l${i}`).join(', ')} from windows
  ), steps as (
    select station, instant, ${rules.map((_, i) => `l${i}, lag(l${i}, 1, 0) over each as b${i}`).join(', ')}
    from levels window each as (partition by station order by instant)
  ), changes as (
    ${rules
      .map(
        ([rule], i) =>
          `select station, '${rule}' as rule, instant, b${i} as previous, l${i} as level from steps where b${i} <> l${i}`,
      )
      .join(' union all ')}
  )
  select station, rule, strftime(instant, '%Y-%m-%dT%H:%M:%SZ'),
    ['none', 'yellow', 'orange', 'red'][previous + 1], ['none', 'yellow', 'orange', 'red'][level + 1]
  from changes
) to ${quoted(output)} (format csv, delimiter '\t', header false, quote '')`;

const count = `select count(*) from read_csv(${quoted(output)}, delim = '\t', header = false, columns = {
  s: 'varchar', r: 'varchar', t: 'varchar', f: 'varchar', n: 'varchar' })`;

for (let pass = 0; pass < Number(passes); pass++) {
  const begin = performance.now();
  const before = process.cpuUsage();
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  await connection.run(sql);
  const ms = performance.now() - begin;
  const { user, system } = process.cpuUsage(before);
  const rows = await connection.runAndReadAll(count);
  console.log(
    JSON.stringify({ pass, ms, cpu: (user + system) / 1000, alerts: Number(rows.getRows()[0][0]) }),
  );
  connection.closeSync();
  instance.closeSync();
}
