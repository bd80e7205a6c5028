import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec?: never;
  readonly data?: Readonly<Record<string, string>>;
}
interface Model {
  validate(): void;
}

const folder = new URL('..', import.meta.url);
const text = (path: string): string => readFileSync(new URL(path, folder), 'utf8');
const kustomization = parse(text('kustomization.yaml')) as {
  resources: string[];
  images: { name: string }[];
};
const manifests = kustomization.resources.flatMap((path) =>
  parseAllDocuments(text(path)).map((document) => {
    assert.deepEqual(document.errors, [], path);
    return document.toJS() as Manifest;
  }),
);
const of = (kind: string, name = 'atalaia'): Manifest => {
  const found = manifests.find((one) => one.kind === kind && one.metadata.name === name);
  assert.ok(found, `${kind} ${name}`);
  return found;
};

/** Checks a manifest by the class of its kind, which is generated from the schema of Kubernetes or of KEDA's resources. */
async function validate(manifest: Manifest): Promise<void> {
  const { apiVersion, kind } = manifest;
  const module = (await import(`${homeOf(manifest)}/${apiVersion}/${kind}`)) as Record<
    string,
    new (
      data: Manifest,
    ) => Model
  >;
  const Class = module[kind];
  assert.ok(Class, kind);
  new Class(manifest).validate();
}

const homeOf = ({ apiVersion }: Manifest): string =>
  apiVersion.startsWith('keda.sh/') ? '@kubernetes-models/keda' : 'kubernetes-models';

/**
 * What the compiler says of manifests written as literals of their types: the schemas let unknown keys pass, which a
 * cluster drops in silence, and a literal does not.
 */
function compilerSays(all: readonly Manifest[]): string {
  const root = new URL('.', folder).pathname;
  const work = mkdtempSync(join(root, 'node_modules', '.literals-'));
  try {
    const lines = all.map((manifest, i) => {
      const from = `${homeOf(manifest)}/${manifest.apiVersion}/${manifest.kind}`;
      return `import type { I${manifest.kind} as T${i} } from '${from}';\nexport const m${i}: T${i} = ${JSON.stringify(manifest)};`;
    });
    writeFileSync(join(work, 'literals.ts'), lines.join('\n'));
    const options = [
      '--noEmit',
      '--strict',
      '--skipLibCheck',
      '--ignoreConfig',
      '--module',
      'nodenext',
      '--types',
      'node',
    ];
    const compiler = join(root, 'node_modules/typescript/bin/tsc');
    const { stdout, stderr } = spawnSync(
      process.execPath,
      [compiler, ...options, join(work, 'literals.ts')],
      {
        cwd: root,
        encoding: 'utf8',
      },
    );
    return `${stdout}${stderr}`;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

describe('the manifests', () => {
  test('have no key that Kubernetes or KEDA does not know', () => {
    assert.equal(compilerSays(manifests), '');
    const copy = structuredClone(of('Deployment')) as unknown as { spec: Record<string, unknown> };
    copy.spec.replicaz = 3;
    assert.match(compilerSays([copy as never]), /replicaz/);
  });

  for (const manifest of manifests)
    test(`${manifest.kind} ${manifest.metadata.name} keeps its schema`, async () => validate(manifest));

  test('a manifest with a wrong key or type is found out', async () => {
    const broken = (kind: string, change: (copy: never) => void): Manifest => {
      const copy = structuredClone(of(kind)) as never;
      change(copy);
      return copy;
    };
    const cases = [
      broken('Deployment', (copy: { spec: { template: { spec: { containers: object[] } } } }) => {
        copy.spec.template.spec.containers[0] = { nombre: 'x' };
      }),
      broken('NetworkPolicy', (copy: { spec: { ingress: object } }) => {
        copy.spec.ingress = {};
      }),
      broken('ScaledObject', (copy: { spec: { triggers: unknown } }) => {
        copy.spec.triggers = 'prometheus';
      }),
    ];
    for (const one of cases) await assert.rejects(validate(one), one.kind);
  });

  test('every file is in the kustomization, and every image is one it names or fixed', () => {
    const files = readdirSync(new URL('base', folder)).map((name) => `base/${name}`);
    assert.deepEqual([...kustomization.resources].sort(), files.sort());
    assert.equal(kustomization.images[0]?.name, 'atalaia');
  });
});

interface Container {
  readonly name: string;
  readonly image: string;
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly volumeMounts: readonly { readonly name: string }[];
  readonly livenessProbe?: object;
  readonly ports?: readonly { readonly name: string }[];
}
interface PodSpec {
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly containers: readonly Container[];
  readonly volumes: readonly { readonly name: string; readonly configMap?: { name: string } }[];
}
const pod = (): PodSpec =>
  (of('Deployment').spec as unknown as { template: { spec: PodSpec } }).template.spec;

describe('a pod', () => {
  test('runs without root, on a read-only root, without capabilities', () => {
    assert.equal(pod().securityContext.runAsNonRoot, true);
    for (const { securityContext, image } of pod().containers) {
      assert.deepEqual(securityContext, {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      assert.doesNotMatch(image, /:latest$/);
    }
  });

  test('mounts what it has, and every configuration is there', () => {
    const volumes = pod().volumes.map(({ name }) => name);
    const mounted = pod().containers.flatMap(({ volumeMounts }) => volumeMounts.map(({ name }) => name));
    assert.deepEqual([...new Set(mounted)].sort(), [...volumes].sort());
    for (const { configMap } of pod().volumes) if (configMap) of('ConfigMap', configMap.name);
  });

  test('is asked for /healthz and /readyz by the names of the program', () => {
    const probes = JSON.stringify(pod().containers);
    assert.match(probes, /"path":"\/healthz"/);
    assert.match(probes, /"path":"\/readyz"/);
    assert.ok(existsSync(new URL('../container/healthcheck.mjs', folder)));
  });

  test('the selectors of all manifests mean it', () => {
    const labels = JSON.stringify({ 'app.kubernetes.io/name': 'atalaia' });
    for (const kind of ['Deployment', 'Service', 'PodDisruptionBudget', 'NetworkPolicy'])
      assert.ok(JSON.stringify(of(kind)).includes(labels), kind);
    const ports = pod().containers.flatMap(({ ports = [] }) => ports.map(({ name }) => name));
    for (const { targetPort } of (of('Service').spec as unknown as { ports: { targetPort: string }[] }).ports)
      assert.ok(ports.includes(targetPort), targetPort);
  });
});

test('variables of the program are keys of its configuration', () => {
  const schema = readFileSync(new URL('../../docs/atalaia.schema.json', folder), 'utf8').toLowerCase();
  const names = Object.keys(of('ConfigMap').data ?? {}).filter((name) => name.startsWith('ATALAIA_'));
  assert.ok(names.length > 6);
  for (const name of names)
    for (const word of name.split('_').slice(1)) assert.ok(schema.includes(`"${word.toLowerCase()}"`), name);
});

test('pods follow a metric that the program has', () => {
  const query = JSON.stringify(of('ScaledObject'));
  const metric = /atalaia_\w+/.exec(query)?.[0];
  const source = readFileSync(new URL('../../src/app/health/metrics.ts', folder), 'utf8');
  assert.ok(source.includes(`name: '${metric}'`), metric);
});
