// The layers of docs/architecture.md as rules; every name is the sentence that a violation prints.
// Order: main, cli -> app -> api | ingest | delivery -> adapters -> ports -> domain -> model -> lib.

const lib = '^src/lib/';
const model = '^src/model/';
const domain = '^src/(stream|quality|rules|alerts|statistics)/';
const ports = '^src/(log/[^/]+|store/[^/]+/[^/]+|delivery/channel)\\.ts$';
const adapters = '^src/(log/[^/]+/|store/[^/]+/[^/]+/|delivery/channels/|ingest/sources/)';
const services = '^src/(api|ingest|delivery)/';
const app = '^src/app/';
const top = '^src/(cli/|main\\.ts$)';
// Tests and what only tests use.
const tests = '(\\.test|/conformance[^/]*|/sample|/fixture|/window-fixture|/rule-index-fixture)\\.ts$';

/** A layer must not import the layers listed. */
const downwards = (name, layer, above, except = []) => ({
  name,
  severity: 'error',
  from: { path: layer, pathNot: [tests, ...except] },
  to: { path: above },
});

/** A package, with what lies in it, may be imported only from the place given. */
const only = (name, vendor, places) => ({
  name,
  severity: 'error',
  from: { path: '^(src|scripts|test|bench|web/src)/', pathNot: places },
  to: { path: vendor },
});
const npm = (name) => `(^|/)node_modules/${name.replace('.', '\\.')}(/|$)|^${name.replace('.', '\\.')}$`;

module.exports = {
  forbidden: [
    downwards('lib imports nothing of ours above it', lib, ['^src/(?!lib/)']),
    downwards('model imports only model and lib', model, ['^src/(?!model/|lib/)']),
    downwards('stream, quality, rules, alerts and statistics import only each other, model and lib', domain, [
      '^src/(?!stream/|quality/|rules/|alerts/|statistics/|model/|lib/)',
    ]),
    downwards('ports import only ports, the domain, model and lib', ports, [
      adapters,
      `${app}|${top}`,
      '^src/(api|ingest)/',
      '^src/delivery/(?!channel\\.ts$)',
    ]),
    downwards(
      'adapters import nothing of app, api, ingest, delivery or the command line',
      adapters,
      [app, top, '^src/(api|ingest)/(?!sources/)', '^src/delivery/(?!channel\\.ts$|channels/)'],
      ['^src/ingest/sources/'],
    ),
    downwards('api, ingest and delivery import nothing of app or the command line', services, [app, top]),
    downwards('app imports nothing of the command line', app, [top]),
    downwards('commands do not import main', '^src/cli/', ['^src/main\\.ts$']),
    downwards('api does not import ingest or delivery', '^src/api/', ['^src/(ingest|delivery)/']),
    downwards('ingest does not import api or delivery', '^src/ingest/', ['^src/(api|delivery)/']),
    downwards('delivery does not import api or ingest', '^src/delivery/', ['^src/(api|ingest)/']),
    {
      name: 'app alone knows every kind: an adapter is imported only from its own folder, from app and from a table of kinds',
      severity: 'error',
      from: { path: '^src/', pathNot: [tests, adapters, app] },
      to: { path: adapters, pathNot: '/index\\.ts$' },
    },
    {
      name: 'one adapter does not import another',
      severity: 'error',
      from: { path: '^src/(log|store/[^/]+|delivery/channels|ingest/sources)/([^/]+)/', pathNot: tests },
      to: { path: '^src/$1/[^/]+/', pathNot: '^src/$1/$2/' },
    },
    {
      name: 'model, stream, quality, rules, alerts and statistics do no input or output',
      severity: 'error',
      from: { path: `${model}|${domain}`, pathNot: [tests, '^src/alerts/cap/gate\\.ts$'] },
      to: {
        path: '^(node:)?(fs|net|http|https|http2|dns|tls|dgram|child_process|worker_threads|cluster|sqlite|readline|inspector)(/|$)',
      },
    },
    only('@duckdb/node-api is imported only in src/store/archive/duckdb', npm('@duckdb/node-api'), [
      '^src/store/archive/duckdb/',
      '^test/(golden|oracle|integration)/',
      '^bench/',
    ]),
    only('node:sqlite is imported only in src/store/ledger/sqlite', '^(node:)?sqlite$', [
      '^src/store/ledger/sqlite/',
      '^bench/',
    ]),
    only('@platformatic/kafka is imported only in src/log/kafka', npm('@platformatic/kafka'), [
      '^src/log/kafka/',
      '^test/',
    ]),
    only(
      'pg and pg-copy-streams are imported only in src/store/*/postgresql',
      npm('(@types/)?pg(-copy-streams)?'),
      ['^src/store/[^/]+/postgresql/', '^test/', '^bench/'],
    ),
    only('amqplib is imported only in src/log/rabbitmq and the source', npm('amqplib'), [
      '^src/log/rabbitmq/',
      '^src/ingest/sources/rabbitmq/',
      '^test/',
    ]),
    only('@aws-sdk/client-kinesis is imported only in src/log/kinesis', npm('@aws-sdk/client-kinesis'), [
      '^src/log/kinesis/',
      '^test/',
    ]),
    only('@aws-sdk/client-s3 is imported only in src/store/checkpoints/s3', npm('@aws-sdk/client-s3'), [
      '^src/store/checkpoints/s3/',
      '^test/',
    ]),
    only('@aws-sdk/client-sns is imported only in src/delivery/channels', npm('@aws-sdk/client-sns'), [
      '^src/delivery/channels/sns\\.ts$',
      '^test/',
    ]),
    only('mqtt is imported only in src/lib/mqtt.ts', npm('mqtt'), ['^src/lib/mqtt\\.ts$', '^test/']),
    only('fastify is imported only in src/api', npm('fastify'), '^src/api/'),
    only('undici is imported only in src/delivery/channels', npm('undici'), '^src/delivery/channels/'),
    only('ipaddr.js is imported only in src/lib/address.ts', npm('ipaddr.js'), '^src/lib/address\\.ts$'),
    only(
      'nodemailer is imported only in src/delivery/channels/email.ts',
      npm('nodemailer'),
      '^src/delivery/channels/email\\.ts$',
    ),
    only('standardwebhooks is imported only in src/delivery/channels', npm('standardwebhooks'), [
      '^src/delivery/channels/',
      '^test/',
    ]),
    only(
      'libxml2-wasm is imported only in src/alerts/cap',
      npm('libxml2-wasm'),
      '^src/alerts/cap/(gate\\.ts$|read/)',
    ),
    only('yaml is imported only in src/rules/yaml.ts', npm('yaml'), '^src/rules/yaml\\.ts$'),
    only(
      'prom-client is imported only in src/app/health/metrics.ts',
      npm('prom-client'),
      '^src/app/health/metrics\\.ts$',
    ),
    only('pino is imported only in src/app and src/cli/start.ts', npm('pino'), [
      '^src/app/',
      '^src/cli/start\\.ts$',
    ]),
    {
      name: 'the dashboard shares only plain data with the server',
      severity: 'error',
      from: { path: '^web/src/' },
      to: { path: '^src/(?!model/)' },
    },
    {
      name: 'nothing in src imports tests, scripts, benchmarks or the dashboard',
      severity: 'error',
      // The command `bench` is the door to the benchmarks.
      from: { path: '^src/', pathNot: [].concat(tests, '^src/cli/bench\\.ts$') },
      to: { path: '^(test|scripts|bench|web)/' },
    },
    {
      // The command line loads the benchmarks, and a container has no tests.
      name: 'the benchmarks of the command line import nothing of test when they are loaded',
      severity: 'error',
      from: { path: '^bench/', pathNot: '^bench/footprint\\.ts$' },
      to: { path: '^test/', dynamic: false, dependencyTypesNot: ['type-only'] },
    },
    { name: 'no module imports a test', severity: 'error', from: {}, to: { path: '\\.test\\.ts$' } },
    {
      name: 'what only tests use is imported only by tests',
      severity: 'error',
      from: { path: '^src/', pathNot: tests },
      to: { path: tests },
    },
    {
      // Of types alone, too: data and types take one way, and a file can be understood after those that it imports.
      name: 'no circle of imports',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      // The stack on AWS has its own packages.
      name: 'every import is found',
      severity: 'error',
      from: { pathNot: '^deploy/aws/' },
      to: { couldNotResolve: true, pathNot: '\\.(svelte|css)$|^topojson-specification$' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // A peer has its own packages.
    exclude: { path: '^web/(dist|node_modules)/|^bench/peers/[^/]+/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      exportsFields: ['exports'],
    },
  },
};
