import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { invariant } from '../../src/lib/errors.ts';
import { median } from '../figures.ts';
import { canonicalAlerts, type JobSize, writeJobInput } from './job.ts';
import { missing, ours, oursInOrder, type Peer, peers } from './peers.ts';

// node bench/peers/run.ts [--peers rxjs,duckdb] [--stations 2000] [--steps 288] [--runs 5] [--seed 1] [--home DIR] [--out FILE]

const PASSES = 2;
const TIMEOUT_MS = 600_000;

/** One process that did the job twice, ms. */
interface Run {
  /** First pass, process already started. */
  readonly job: number;
  /** Second pass in the same process: code is compiled, caches are warm. */
  readonly warm: number;
  /** The whole process with one pass: its start and end count. */
  readonly process: number;
  /** CPU time of the first pass, of the second, and of the whole process with both: a busy machine disturbs it least. */
  readonly jobCpu: number;
  readonly warmCpu: number;
  readonly processCpu: number;
}

interface Outcome {
  readonly hash: string;
  readonly alerts: number;
  readonly runs: readonly Run[];
}

const { values } = parseArgs({
  options: {
    peers: { type: 'string' },
    stations: { type: 'string', default: '2000' },
    steps: { type: 'string', default: '288' },
    runs: { type: 'string', default: '5' },
    seed: { type: 'string', default: '1' },
    home: { type: 'string', default: join(tmpdir(), 'atalaia-peers') },
    out: { type: 'string' },
  },
});
const size: JobSize = {
  stations: Number(values.stations),
  steps: Number(values.steps),
  seed: Number(values.seed),
};
const pinner = 'taskset';
const isPinned = spawnSync(pinner, ['--version']).status === 0;
const hasBash = spawnSync('bash', ['--version']).status === 0;
const core = availableParallelism() - 1;

/** Runs a peer once; throws with its own words when it fails. */
function runOnce(peer: Peer, home: string, input: string, output: string): Run {
  rmSync(output, { force: true });
  const command = [
    ...(isPinned ? [pinner, '-c', String(core)] : []),
    ...peer.command(home),
    input,
    output,
    String(PASSES),
    String(size.stations),
    ...(peer.more ?? []),
  ];
  // The shell's own `time` gives the CPU time of the child.
  const timed = hasBash ? ['bash', '-c', 'TIMEFORMAT="cpu %U %S"; time "$@"', 'time', ...command] : command;
  const from = performance.now();
  const env = { ...process.env, PEER_HOME: home, LC_ALL: 'C' };
  const done = spawnSync(timed[0] as string, timed.slice(1), { encoding: 'utf8', timeout: TIMEOUT_MS, env });
  const wall = performance.now() - from;
  if (done.status !== 0) throw new Error(`${peer.name} failed: ${done.stderr.trim().slice(-600)}`);
  const passes = done.stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as { ms: number; cpu: number });
  invariant(passes.length === PASSES, `${peer.name} told ${passes.length} passes, not ${PASSES}`);
  const cpu = /cpu ([\d.]+) ([\d.]+)\s*$/.exec(done.stderr);
  const [job, warm] = passes as [(typeof passes)[number], (typeof passes)[number]];
  const seconds = cpu ? Number(cpu[1]) + Number(cpu[2]) : Number.NaN;
  return {
    job: job.ms,
    warm: warm.ms,
    process: wall - warm.ms,
    jobCpu: job.cpu,
    warmCpu: warm.cpu,
    processCpu: seconds * 1000,
  };
}
const round2 = (value: number): number => Math.round(value * 100) / 100;

/** Time of the peer over ours in the same round, the median of the rounds: above 1, ours is faster. */
function ratios(peer: Outcome, base: Outcome | undefined): Record<keyof Run, number> | undefined {
  if (!base) return undefined;
  const of = (key: keyof Run): number =>
    round2(median(peer.runs.map((run, i) => run[key] / (base.runs[i] as Run)[key])));
  return {
    job: of('job'),
    warm: of('warm'),
    process: of('process'),
    jobCpu: of('jobCpu'),
    warmCpu: of('warmCpu'),
    processCpu: of('processCpu'),
  };
}

function measure(chosen: readonly Peer[], input: string, home: string): Map<string, Outcome> {
  const found = new Map<string, { hash: string; alerts: number; runs: Run[] }>();
  const failed = new Set<string>();
  const output = join(home, 'alerts.tsv');
  for (let round = 0; round < Number(values.runs); round++) {
    for (const peer of chosen) {
      if (failed.has(peer.name)) continue;
      try {
        const run = runOnce(peer, home, input, output);
        const { hash, count } = canonicalAlerts(output);
        const outcome = found.get(peer.name) ?? { hash, alerts: count, runs: [] };
        invariant(outcome.hash === hash, `${peer.name} gave other alerts in round ${round + 1}`);
        outcome.runs.push(run);
        found.set(peer.name, outcome);
        process.stderr.write(
          `round ${round + 1} ${peer.name}: ${Math.round(run.job)} ms, ${count} changes\n`,
        );
      } catch (error) {
        failed.add(peer.name);
        found.delete(peer.name);
        process.stderr.write(`${(error as Error).message}\n`);
      }
    }
  }
  return found;
}

function main(): void {
  const home = values.home;
  mkdirSync(home, { recursive: true });
  const input = join(home, `input-${size.stations}-${size.steps}-${size.seed}.ndjson`);
  const reports = writeJobInput(input, size);
  const wanted = values.peers?.split(',');
  for (const name of wanted ?? [])
    if (!peers.some((peer) => peer.name === name))
      throw new Error(`Peer "${name}" is not known; there are ${peers.map((peer) => peer.name).join(', ')}.`);
  const considered = peers.filter(({ name }) => !wanted || name.startsWith(ours) || wanted.includes(name));
  const absent = considered.filter((peer) => missing(peer, home).length > 0);
  const tooLarge = considered.filter((peer) => peer.atMost && size.stations > peer.atMost.stations);
  const found = measure(
    considered.filter((peer) => !absent.includes(peer) && !tooLarge.includes(peer)),
    input,
    home,
  );
  const reference = found.get(ours);
  const text = JSON.stringify(
    {
      job: { ...size, reports, alerts: reference?.alerts, hash: reference?.hash },
      machine: { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version, pinned: isPinned },
      ratiosAreTimeOfPeerOverOurs: 'above 1, ours is faster',
      peers: considered.map((peer) => {
        const outcome = found.get(peer.name);
        const { name, what } = peer;
        if (absent.includes(peer))
          return {
            name,
            what,
            missing: true,
            install: peer.install.map((line) => line.replaceAll('HOME_', home)),
          };
        if (tooLarge.includes(peer)) return { name, what, skipped: peer.atMost?.why };
        if (!outcome) return { name, what, failed: true };
        if (outcome.hash !== reference?.hash)
          return { name, what, sameAlerts: false, hash: outcome.hash, alerts: outcome.alerts };
        return {
          name,
          what,
          sameAlerts: true,
          overOurs: ratios(outcome, reference),
          overOursInOrder: ratios(outcome, found.get(oursInOrder)),
          runs: outcome.runs,
        };
      }),
    },
    (_, value) => (typeof value === 'number' ? round2(value) : value),
    2,
  );
  process.stdout.write(`${text}\n`);
  if (values.out) writeFileSync(values.out, `${text}\n`);
}

try {
  main();
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
