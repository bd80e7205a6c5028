import { parentPort, workerData } from 'node:worker_threads';
import { readForeign } from '../../alerts/foreign/document.ts';
import { invariant } from '../../lib/errors.ts';
import { openReader } from './reader.ts';
import type { CapWork } from './thread.ts';

const port = parentPort;
invariant(port, 'a CAP feed was to be read outside of a worker thread');
const { bytes, base } = workerData as CapWork;
port.postMessage(readForeign(openReader(), bytes, base));
