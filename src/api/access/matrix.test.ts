import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasRole, type Role, roles } from '../../model/access.ts';
import { buildServer } from '../server.ts';
import { openAccessFixture } from './fixture.ts';
import { policies, policyOf } from './policy.ts';

// Every route there is, asked by everybody there is: nobody, a viewer … an admin, and a station key.

type Server = Awaited<ReturnType<typeof buildServer>>;
type Operation = { method: string; path: string; id: string };
let opened: Awaited<ReturnType<typeof openAccessFixture>>;
let server: Server;
let operations: Operation[];
const tokens = new Map<Role, string>();

beforeAll(async () => {
  opened = await openAccessFixture();
  server = await buildServer(opened.deps);
  for (const role of roles) {
    await opened.add(role, role);
    tokens.set(role, await opened.token(role));
  }
  const document = (await server.app.inject('/api/openapi.json')).json() as {
    paths: Record<string, Record<string, { operationId: string }>>;
  };
  operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId: id }]) => ({ method, path, id })),
  );
});
afterAll(async () => {
  await server.app.close();
  await opened.fixture.remove();
});

const ask = (operation: Operation, secret: string | undefined) =>
  server.app.inject({
    method: operation.method.toUpperCase() as 'GET',
    url: operation.path.replace(/\{\w+\}/g, 'x'),
    headers: secret === undefined ? {} : { authorization: `Bearer ${secret}` },
  });
const isStream = ({ id }: Operation): boolean => id === 'streamAlerts';
const neededOf = ({ id, method }: Operation) =>
  policyOf({ operationId: id, method: method.toUpperCase() as 'GET' });
const roleOf = (policy: ReturnType<typeof policyOf>): Role | undefined => {
  const role = typeof policy === 'string' ? policy : policy.role;
  return roles.find((known) => known === role);
};

describe('every route', () => {
  it('stands in the table, and nothing else does', () => {
    expect(operations.map(({ id }) => id).sort()).toEqual(Object.keys(policies).sort());
  });

  it('is for admins, or viewers when it reads, if nobody has thought about it', () => {
    expect(policyOf({ operationId: 'newOne', method: 'POST' })).toBe('admin');
    expect(policyOf({ operationId: 'newOne', method: 'GET' })).toBe('viewer');
  });

  it('that changes anything asks for more than being there', () => {
    const open = operations.filter((one) => one.method !== 'get' && neededOf(one) === 'public');
    // Subscribers ask for nothing that is not sent to an address, and show the token that was sent there.
    const subscribers = [
      ...['confirmSubscriber', 'eraseSubscriber', 'exportSubscriber', 'manageSubscriber'],
      ...['postSubscriber', 'unsubscribe'],
    ];
    expect(open.map(({ id }) => id).sort()).toEqual([...subscribers, 'deleteSession', 'postSession'].sort());
  });

  it.each([undefined, ...roles])('asked by %s lets in whom the table says', async (role) => {
    for (const operation of operations) {
      const policy = neededOf(operation);
      if (isStream(operation)) continue;
      const { statusCode } = await ask(operation, role && tokens.get(role));
      const needed = roleOf(policy);
      const expected =
        policy === 'producer' || (needed && !role)
          ? 401
          : needed && role && !hasRole(role, needed)
            ? 403
            : null;
      if (expected !== null) expect([operation.id, statusCode]).toEqual([operation.id, expected]);
      // A token makes no tokens and no users, and the session of nobody is refused by its name and password.
      else if (!/Token$|User$|^postSession$/.test(operation.id))
        expect([operation.id, [401, 403].includes(statusCode)]).toEqual([operation.id, false]);
    }
  });

  it('answers HEAD as it answers GET', async () => {
    const head = await server.app.inject({ method: 'HEAD', url: '/metrics' });
    expect(head.statusCode).toBe(401);
  });

  it('takes a wrong, an ended and a foreign secret for none', async () => {
    const [operation] = operations.filter(({ id }) => id === 'metrics') as [Operation];
    const token = tokens.get('admin') as string;
    for (const secret of [`${token}x`, token.slice(0, -1), 'undefined', 'x'.repeat(5000)])
      expect((await ask(operation, secret)).statusCode).toBe(401);
    const asCookie = { cookie: `atalaia=${token}` };
    expect((await server.app.inject({ url: '/metrics', headers: asCookie })).statusCode).toBe(401);
    opened.clock.at += 600_000;
    expect((await ask(operation, token)).statusCode).toBe(401);
    opened.clock.at -= 600_000;
    expect((await ask(operation, token)).statusCode).toBe(200);
  });
});
