import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** One way to do the job. `command` gets the arguments INPUT OUTPUT PASSES STATIONS after it. */
export interface Peer {
  readonly name: string;
  readonly what: string;
  readonly command: (home: string) => readonly string[];
  /** After INPUT OUTPUT PASSES STATIONS. */
  readonly more?: readonly string[];
  /** It cannot do more in sensible time; the run is then left out with this word. */
  readonly atMost?: { readonly stations: number; readonly why: string };
  /** What must stand for it to run. */
  readonly needs: (home: string) => readonly string[];
  /** How to install it, commands from the repository's root; HOME_ stands for the peers' folder. */
  readonly install: readonly string[];
}

const here = import.meta.dirname;
const javaClasses = (home: string, name: string): string =>
  `${join(home, name, 'classes')}:${join(home, name, 'lib', '*')}`;
const java = ['java', '-Xmx2g', '-XX:ActiveProcessorCount=1'];
const opens = [
  '--add-opens',
  'java.base/java.util=ALL-UNNAMED',
  '--add-opens',
  'java.base/java.lang=ALL-UNNAMED',
];
const maven = (name: string): string =>
  `(cd bench/peers/${name} && mvn -q -Dpeer.build=HOME_/${name} compile dependency:copy-dependencies -DoutputDirectory=HOME_/${name}/lib)`;

/** Ours, as installed: late reports of a day are taken. The peers take none, so this is not quite the same job. */
export const ours = 'atalaia';
/** Ours with lateness 0: like the peers it relies on the order of observation. */
export const oursInOrder = 'atalaia-in-order';

const rxjs = (style: string): Omit<Peer, 'name' | 'what'> => ({
  command: () => [process.execPath, join(here, 'rxjs/main.mjs')],
  more: [style],
  needs: (home) => [join(home, 'rxjs/node_modules/rxjs')],
  install: [
    'mkdir -p HOME_/rxjs',
    'cp bench/peers/rxjs/package.json HOME_/rxjs/',
    '(cd HOME_/rxjs && npm install)',
  ],
});

const engine = { command: () => [process.execPath, join(here, 'atalaia.ts')], needs: () => [], install: [] };

export const peers: readonly Peer[] = [
  { name: ours, what: 'the engine, lateness 24 h (the default)', ...engine },
  { name: oursInOrder, what: 'the engine, lateness 0', ...engine, more: ['0'] },
  { name: 'rxjs', what: 'RxJS, the documented way: immutable buffers in scan', ...rxjs('idiomatic') },
  { name: 'rxjs-tuned', what: 'RxJS with mutable queues and running sums of our own', ...rxjs('tuned') },
  {
    name: 'duckdb',
    what: 'DuckDB, batch SQL, one thread: the whole file is there before it begins',
    command: () => [process.execPath, join(here, 'duckdb/main.mjs')],
    needs: () => [],
    install: [],
  },
  {
    name: 'bytewax',
    what: 'Bytewax, one worker, orjson, stateful_map',
    command: (home) => [join(home, 'bytewax/bin/python'), join(here, 'bytewax/main.py')],
    needs: (home) => [join(home, 'bytewax/bin/python')],
    install: [
      'python3 -m venv HOME_/bytewax',
      'HOME_/bytewax/bin/pip install -r bench/peers/bytewax/requirements.txt',
    ],
  },
  {
    name: 'kafka-streams',
    what: 'Kafka Streams, Processor API on the TopologyTestDriver, in-memory store',
    command: (home) => [...java, '-cp', javaClasses(home, 'kafka-streams'), 'peer.Main'],
    needs: (home) => [join(home, 'kafka-streams/classes'), join(home, 'kafka-streams/lib')],
    install: [maven('kafka-streams')],
  },
  {
    name: 'flink',
    what: 'Flink, DataStream API on a MiniCluster, parallelism 1, heap state, no checkpoints',
    command: (home) => [...java, ...opens, '-cp', javaClasses(home, 'flink'), 'peer.Main'],
    needs: (home) => [join(home, 'flink/classes'), join(home, 'flink/lib')],
    install: [maven('flink')],
  },
  {
    name: 'ekuiper',
    what: 'eKuiper, SQL rules, a memory topic and two sliding windows per station',
    command: () => [process.execPath, join(here, 'ekuiper/main.ts')],
    atMost: { stations: 100, why: 'two rules per station; run it with --stations 50' },
    needs: (home) => [join(home, 'ekuiper/kuiperd'), join(home, 'ekuiper/etc')],
    install: [
      'get the source of lf-edge/ekuiper (commit 0014e7f) into HOME_/ekuiper-source',
      '(cd HOME_/ekuiper-source && GOWORK=off go build -trimpath -o HOME_/ekuiper/kuiperd ./cmd/kuiperd)',
      'cp -r HOME_/ekuiper-source/etc HOME_/ekuiper/etc',
    ],
  },
];

/** What keeps a peer from running; empty: nothing. */
export const missing = (peer: Peer, home: string): readonly string[] =>
  peer.needs(home).filter((path) => !existsSync(path));
