import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { pipFolder, whyNoPackages } from './pip.ts';

// An emulator of S3, SNS and SQS for tests: moto from PyPI, in a folder of its own.

const MOTO_VERSION = '5.2.5';
/** The packages, as Python finds them by PYTHONPATH. */
const packages = pipFolder('moto', MOTO_VERSION, 'ATALAIA_MOTO_CACHE');

const hasClients = (): boolean =>
  ['@aws-sdk/client-s3', '@aws-sdk/client-sns', '@aws-sdk/client-sqs'].every((name) => {
    try {
      import.meta.resolve(name);
      return true;
    } catch {
      return false;
    }
  });

/** Why no emulator can be started here, with the remedy; undefined when one can. pip brings it (90 MB) once. */
export function whyNoMoto(): string | undefined {
  if (!hasClients())
    return 'no AWS clients: npm install @aws-sdk/client-s3@3 @aws-sdk/client-sns@3 @aws-sdk/client-sqs@3';
  return whyNoPackages(packages, [`moto[server]==${MOTO_VERSION}`]);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}

/** A text message that the emulator would have sent. */
export interface SentText {
  readonly number: string;
  readonly text: string;
}

/** The emulator in a process of its own; it keeps everything in memory. */
export class MotoServer {
  readonly endpoint: string;
  /** What the SDK reads from the environment instead of a role. */
  readonly env = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', AWS_REGION: 'us-east-1' };
  readonly #process: ChildProcess;

  private constructor(endpoint: string, child: ChildProcess) {
    this.endpoint = endpoint;
    this.#process = child;
  }

  static async start(): Promise<MotoServer> {
    const port = await freePort();
    const child = spawn('python3', ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)], {
      stdio: 'ignore',
      env: { ...process.env, PYTHONPATH: packages },
    });
    const server = new MotoServer(`http://127.0.0.1:${port}`, child);
    const until = Date.now() + 60_000;
    for (;;) {
      const isUp = await fetch(`${server.endpoint}/moto-api/`).then(
        (answer) => answer.ok,
        () => false,
      );
      if (isUp) return server;
      if (child.exitCode !== null || Date.now() > until) {
        await server.stop();
        throw new Error('The emulator of S3, SNS and SQS did not start.');
      }
      await new Promise((done) => setTimeout(done, 100));
    }
  }

  /** Text messages that were published, in their order. */
  async texts(): Promise<SentText[]> {
    const answer = await fetch(`${this.endpoint}/moto-api/data.json`);
    const data = (await answer.json()) as { sns?: { SMS?: { phone_number: string; message: string }[] } };
    return (data.sns?.SMS ?? []).map(({ phone_number: number, message: text }) => ({ number, text }));
  }

  async stop(): Promise<void> {
    const child = this.#process;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }
}
