import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { invariant } from '../../src/lib/errors.ts';
import { seededRandom } from '../../src/lib/random.ts';
import { DAY_MS, formatInstant, HOUR_MS, parseInstant } from '../../src/model/time.ts';
import { median, round3 } from '../figures.ts';

// node bench/peers/vmalert.ts [--stations 100] [--years 10] [--runs 3] [--seed 1] [--home DIR] [--out FILE]
//
// One rule over years of hourly rain: `atalaia backtest` from a file, beside `vmalert -replay` over the same series that a
// VictoriaMetrics holds already (`loaded`), and with the loading (`fromFile`). Both must fire at the same hours. By turns, one core each.

const START = Date.UTC(2014, 0, 1);
/** No sum of tenths is ever equal to it: binary sums and exact ones fall on the same side. */
const LEAST = 50.05;
const RULE = 'rain-day';

/** ms */
interface Spent {
  readonly cpu: number;
  readonly wall: number;
}
const NOTHING: Spent = { cpu: 0, wall: 0 };

interface Run {
  readonly points: number;
  readonly isEqual: boolean;
  readonly spells: number;
  readonly ours: Spent;
  readonly theirs: Spent;
}

const { values } = parseArgs({
  options: {
    stations: { type: 'string', default: '100' },
    years: { type: 'string', default: '10' },
    runs: { type: 'string', default: '3' },
    seed: { type: 'string', default: '1' },
    home: { type: 'string', default: join(tmpdir(), 'atalaia-peers', 'vmalert') },
    out: { type: 'string' },
  },
});
const stations = Number(values.stations);
const hours = Math.round((Number(values.years) * 365.25 * DAY_MS) / HOUR_MS);
const { home } = values;
const core = String(availableParallelism() - 1);
const pinner = 'taskset';
const pin = spawnSync(pinner, ['--version']).status === 0 ? [pinner, '-c', core] : [];
/** Of Debian's package of that name, which has vmalert too. */
const victoria = 'victoria-metrics';
/** Our reader takes at most 20,000,000 reports a file. */
const HOURS_A_FILE = Math.floor(18_000_000 / stations);
const idOf = (station: number): string => `S${String(station).padStart(5, '0')}`;

/** Tenths of a millimetre of each station at each hour: dry spells, showers, and storms that cross the threshold. */
function rainOf(): Int16Array[] {
  const random = seededRandom(Number(values.seed));
  return Array.from({ length: stations }, () => {
    const rain = new Int16Array(hours);
    for (let hour = 0; hour < hours; ) {
      hour += 6 + Math.floor(random() * 90);
      const strength = random() < 0.06 ? 160 : 15;
      for (const end = hour + 1 + Math.floor(random() * 20); hour < end && hour < hours; hour++)
        rain[hour] = Math.floor(random() * strength);
    }
    return rain;
  });
}

/** Writes the recording that we read, in as many files as our reader asks for, and what VictoriaMetrics imports. */
async function writeInputs(rain: readonly Int16Array[]): Promise<{ recording: string[]; csv: string }> {
  const csv = join(home, 'rain.csv');
  const theirs = createWriteStream(csv);
  const recording: string[] = [];
  for (let from = 0; from < hours; from += HOURS_A_FILE) {
    const name = join(home, `rain-${recording.length}.ndjson`);
    const ours = createWriteStream(name);
    for (let hour = from; hour < Math.min(hours, from + HOURS_A_FILE); hour++) {
      const at = START + hour * HOUR_MS;
      const tenths = rain.map((values) => values[hour] as number);
      const place = `"observedAt":"${formatInstant(at)}","interval":"PT1H"`;
      const mine = tenths.map(
        (mm, i) => `{"station":"${idOf(i)}",${place},"values":{"rainfall":${mm / 10}}}\n`,
      );
      const other = tenths.map((mm, i) => `${idOf(i)},${at},${mm / 10}\n`);
      if (!ours.write(mine.join(''))) await once(ours, 'drain');
      if (!theirs.write(other.join(''))) await once(theirs, 'drain');
    }
    await once(ours.end(), 'finish');
    recording.push(name);
  }
  await once(theirs.end(), 'finish');
  return { recording, csv };
}

function writeRules(): void {
  mkdirSync(join(home, 'rules'), { recursive: true });
  writeFileSync(
    join(home, 'rules', `${RULE}.yaml`),
    `rule: ${RULE}\ntitle: { pt-BR: Chuva de um dia, en: Rain of a day }\nhazard: rain\nsubject: station\nlevels:\n  red: sum(rainfall, 24h) >= ${LEAST} mm\ncoverage: 0 %\n`,
  );
  const rows = Array.from(
    { length: stations },
    (_, i) => `${idOf(i)},Station ${i},-30,-51,,4314902,UTC,PT1H`,
  );
  const header = 'id,name,latitude,longitude,altitude,region,timeZone,interval';
  writeFileSync(join(home, 'stations.csv'), `${[header, ...rows].join('\n')}\n`);
  writeFileSync(join(home, 'truth.csv'), 'rule,subject,level,from,to\n');
}

/** Runs a command to its end and gives its CPU and wall time in ms; throws with its own words when it fails. */
function timed(command: readonly string[]): Spent {
  const startedAt = performance.now();
  const all = ['bash', '-c', 'TIMEFORMAT="cpu %U %S"; time "$@"', 'time', ...pin, ...command];
  const run = spawnSync(all[0] as string, all.slice(1), { encoding: 'utf8', maxBuffer: 1 << 28 });
  invariant(run.status === 0, `${command.join(' ')}: ${run.stderr.slice(-2000)}`);
  const cpu = /cpu ([\d.]+) ([\d.]+)\s*$/.exec(run.stderr);
  invariant(cpu !== null, 'bash told no CPU time');
  return { cpu: (Number(cpu[1]) + Number(cpu[2])) * 1000, wall: performance.now() - startedAt };
}

const hashOf = (spells: string[]): string =>
  createHash('sha256').update(spells.sort().join('\n')).digest('hex');

/** First and last hour of each spell of alert that our replay tells. */
function ourSpells(file: string): string[] {
  const open = new Map<string, number>();
  const spells: string[] = [];
  for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
    const { event, subject, at } = JSON.parse(line) as { event: string; subject: { id: string }; at: string };
    const instant = parseInstant(at) as number;
    if (event === 'raised') open.set(subject.id, instant);
    else if (event === 'ended') {
      spells.push(`${subject.id} ${open.get(subject.id)} ${instant - HOUR_MS}`);
      open.delete(subject.id);
    }
  }
  for (const [id, from] of open) spells.push(`${id} ${from} ${START + (hours - 1) * HOUR_MS}`);
  return spells;
}

/** First and last hour of each spell in which the alert was firing, as vmalert wrote it back. */
async function theirSpells(url: string, alert: string): Promise<string[]> {
  const match = encodeURIComponent(`ALERTS{alertname="${alert}",alertstate="firing"}`);
  const answer = await fetch(`${url}/api/v1/export?match[]=${match}`);
  const spells: string[] = [];
  for (const line of (await answer.text()).split('\n').filter(Boolean)) {
    const { metric, timestamps } = JSON.parse(line) as { metric: { station: string }; timestamps: number[] };
    const at = [...new Set(timestamps)].sort((a, b) => a - b);
    let from = at[0] as number;
    for (const [i, instant] of at.entries()) {
      const next = at[i + 1];
      if (next !== undefined && next - instant <= HOUR_MS) continue;
      spells.push(`${metric.station} ${from} ${instant}`);
      from = next as number;
    }
  }
  return spells;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}

async function startVictoria(): Promise<{ readonly child: ChildProcess; readonly url: string }> {
  const address = `127.0.0.1:${await freePort()}`;
  const folder = join(home, 'data');
  rmSync(folder, { recursive: true, force: true });
  const flags = [`-storageDataPath=${folder}`, `-httpListenAddr=${address}`, '-retentionPeriod=100y'];
  const child = spawn(victoria, flags, { stdio: 'ignore' });
  const url = `http://${address}`;
  for (let i = 0; i < 100; i++) {
    const isUp = await fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isUp) return { child, url };
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`${victoria} does not answer; apt-get install ${victoria}`);
}

async function load(url: string, csv: string): Promise<void> {
  const format = encodeURIComponent('1:label:station,2:time:unix_ms,3:metric:rainfall');
  const run = spawnSync('curl', ['-sS', '--fail', '-T', csv, `${url}/api/v1/import/csv?format=${format}`]);
  invariant(run.status === 0, `the import failed: ${run.stderr}`);
  await fetch(`${url}/internal/force_flush`);
  await fetch(`${url}/internal/force_merge`);
}

function replayByVmalert(url: string, alert: string, points: number): Spent {
  const file = join(home, `${alert}.yaml`);
  const rule = `{ alert: ${alert}, expr: "sum_over_time(rainfall[24h]) >= ${LEAST}" }`;
  writeFileSync(file, `groups:\n  - name: rain\n    interval: 1h\n    rules:\n      - ${rule}\n`);
  return timed([
    ...['vmalert', `-rule=${file}`, `-datasource.url=${url}`, `-remoteWrite.url=${url}`],
    // Without a step of its own it asks every five minutes, of series that have a value an hour.
    ...['-datasource.queryStep=1h', '-replay.disableProgressBar', `-replay.maxDatapointsPerQuery=${points}`],
    ...[`-replay.timeFrom=${formatInstant(START)}`, '-httpListenAddr=127.0.0.1:0'],
    `-replay.timeTo=${formatInstant(START + (hours - 1) * HOUR_MS)}`,
  ]);
}

/** CPU seconds that a process has used so far, from the kernel. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / 100;
}

mkdirSync(home, { recursive: true });
writeRules();
const { recording, csv } = await writeInputs(rainOf());
const main = new URL('../../src/main.ts', import.meta.url).pathname;
const folding = ['--stations', join(home, 'stations.csv'), '--rules', join(home, 'rules')];
const { child, url } = await startVictoria();
const victoriaCpu = (): number => cpuOf(child.pid as number);
try {
  const beforeLoad = performance.now();
  await load(url, csv);
  const loading = { wall: performance.now() - beforeLoad, cpu: victoriaCpu() };
  console.error('loaded', loading);
  const runs: Run[] = [];
  for (let run = 0; run < Number(values.runs); run++) {
    const events = join(home, 'events.ndjson');
    const truth = ['--truth', join(home, 'truth.csv'), '--json', '--out', join(home, 'backtest.json')];
    const ours = timed([process.execPath, main, 'backtest', ...recording, ...folding, ...truth]);
    if (run === 0) timed([process.execPath, main, 'replay', ...recording, ...folding, '--out', events]);
    const mine = ourSpells(events);
    for (const points of [1000, 10_000]) {
      const alert = `rain_${run}_${points}`;
      const before = victoriaCpu();
      const theirs = replayByVmalert(url, alert, points);
      const cpu = theirs.cpu + victoriaCpu() - before;
      await fetch(`${url}/internal/force_flush`);
      const isEqual = hashOf(mine) === hashOf(await theirSpells(url, alert));
      runs.push({ points, isEqual, spells: mine.length, ours, theirs: { wall: theirs.wall, cpu } });
      console.error(JSON.stringify(runs.at(-1)));
    }
  }
  /** Their time over ours, medians: above 1, ours is faster. Their CPU time is that of both of their processes. */
  const ratios = (points: number, more: Spent) => {
    const of = (key: keyof Spent): number =>
      round3(
        median(
          runs
            .filter((one) => one.points === points)
            .map((one) => (one.theirs[key] + more[key]) / one.ours[key]),
        ),
      );
    return { wall: of('wall'), cpu: of('cpu') };
  };
  const result = {
    ...{ stations, hours, readings: stations * hours, machine: cpus()[0]?.model, cores: cpus().length },
    ...{ isEqual: runs.every(({ isEqual }) => isEqual), spells: runs[0]?.spells },
    loaded: { asInstalled: ratios(1000, NOTHING), tenThousandPoints: ratios(10_000, NOTHING) },
    fromFile: { asInstalled: ratios(1000, loading), tenThousandPoints: ratios(10_000, loading) },
  };
  console.log(JSON.stringify(result, null, 2));
  if (values.out) writeFileSync(values.out, `${JSON.stringify(result, null, 2)}\n`);
} finally {
  child.kill();
}
