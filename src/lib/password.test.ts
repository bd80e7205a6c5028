import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkPassword, hashPassword, verifyPassword } from './password.ts';

describe('passwords', () => {
  it('verifies a hash of the reference implementation (test vector of phc-winner-argon2)', async () => {
    const hash = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc';
    expect(await verifyPassword('password', hash)).toBe(true);
    expect(await verifyPassword('Password', hash)).toBe(false);
  });

  it('hashes with the cost of the OWASP cheat sheet and a salt of its own', async () => {
    const [one, two] = [await hashPassword('uma chuva longa'), await hashPassword('uma chuva longa')];
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(one).not.toBe(two);
    expect(await verifyPassword('uma chuva longa', two)).toBe(true);
  });

  it('takes what looks the same for the same', async () => {
    const hash = await hashPassword('coração e pão');
    expect(await verifyPassword('coração e pão'.normalize('NFD'), hash)).toBe(true);
  });

  it('says no to any other text, and asks for no more memory than an honest hash would', async () => {
    const costs = fc.record({ m: fc.nat(), t: fc.nat(200), p: fc.nat(200) });
    const forged = fc
      .tuple(costs, fc.base64String({ maxLength: 90 }))
      .map(([{ m, t, p }, salt]) => `$argon2id$v=19$m=${2_000_000 + m},t=${t},p=${p}$${salt}$${salt}`);
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), forged), async (hash) => {
        expect(await verifyPassword('password', hash)).toBe(false);
      }),
    );
  });

  it.each([
    ['short', 'onze letras'],
    ['of one letter', 'aaaaaaaaaaaaaaaaaaaa'],
    ['endless', 'ab cdefgh'.repeat(30)],
    ['the name', 'Ana-Souza-2024'],
  ])('refuses one that is %s', (_, password) => {
    expect(() => checkPassword(password, 'ana-souza')).toThrow(/12 to 200 characters/);
  });

  it('takes a sentence, whatever is in it', () => {
    expect(() => checkPassword('ana viu a chuva na serra', 'ana')).not.toThrow();
    expect(() => checkPassword('🌧️🌊⛰️🏠🚨🌧️🌊⛰️🏠🚨🌧️🌊', 'ana')).not.toThrow();
  });
});
