import { createHash } from 'node:crypto';
import { type Dirent, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { matches } from './feeds.ts';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
};

/** Names that the build gives a hash: their bytes never change. */
const HASHED = /^\/assets\/.+-[\w-]{8,}\.\w+$/;
const MAX_FILES = 2000;

/** Answers a GET with a file of the dashboard; false when there is none. */
type StaticFiles = (request: FastifyRequest, reply: FastifyReply) => Promise<boolean>;

/** Serves only what lies in `root` at start, so no address can lead out of it; a missing folder serves nothing. */
export function serveStatic(root: string | null): StaticFiles {
  const files = root === null ? new Map<string, string>() : listFiles(root);
  return async (request, reply) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return false;
    const path = decode(request.url.split('?', 1)[0] ?? '/');
    const wantsPage = /text\/html|\*\/\*/.test(request.headers.accept ?? '') && extname(path) === '';
    const name = files.has(path) ? path : wantsPage ? '/index.html' : '';
    const file = files.get(name);
    if (file === undefined) return false;
    const bytes = await readFile(file);
    const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
    reply.header('ETag', etag);
    reply.header('Cache-Control', HASHED.test(name) ? 'public, max-age=31536000, immutable' : 'no-cache');
    if (matches(request.headers['if-none-match'], etag)) reply.code(304).send();
    else reply.type(types[extname(name)] ?? 'application/octet-stream').send(bytes);
    return true;
  };
}

const decode = (path: string): string => {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
};

function listFiles(root: string): Map<string, string> {
  let entries: Dirent[] = [];
  try {
    entries = readdirSync(root, { recursive: true, withFileTypes: true });
  } catch {
    return new Map();
  }
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(
    paths.slice(0, MAX_FILES).map((path) => [`/${relative(root, path).split(sep).join('/')}`, path]),
  );
}
