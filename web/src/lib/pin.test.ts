import { describe, expect, it } from 'vitest';
import { hasRisen, type Pin, repin } from './pin.ts';

const at = (alert: string, revision: number, level: Pin['level']): Pin => ({ alert, revision, level });

describe('the alert that a person looks at', () => {
  const a = at('a', 1, 'yellow');
  const b = at('b', 1, 'orange');

  it('is the first at first, and stays it when the queue is in another order', () => {
    expect(repin(null, null, [a, b])).toEqual(a);
    expect(repin(a, null, [at('c', 1, 'red'), b, a])).toEqual(a);
    expect(repin(null, null, [])).toBeNull();
  });

  it('is another one when the person chooses it, and alone then', () => {
    expect(repin(a, 'b', [a, b])).toEqual(b);
    expect(repin(null, 'b', [a, b])).toEqual(b);
  });

  it('is nobody’s place when it is gone', () => {
    expect(repin(a, null, [b])).toEqual(a);
    expect(repin(b, 'b', [a])).toEqual(b);
    // One that was asked for and is not there is not stood in for by the first.
    expect(repin(null, 'gone', [a, b])).toBeNull();
  });

  it('goes with its revisions, but not with a level that nobody has looked at', () => {
    expect(repin(a, null, [at('a', 2, 'yellow')])).toEqual(at('a', 2, 'yellow'));
    expect(repin(b, null, [at('b', 2, 'yellow')])).toEqual(at('b', 2, 'yellow'));
    const risen = at('a', 3, 'red');
    expect(repin(a, null, [risen])).toEqual(a);
    expect([hasRisen(a, risen), hasRisen(risen, a), hasRisen(a, a)]).toEqual([true, false, false]);
  });
});
