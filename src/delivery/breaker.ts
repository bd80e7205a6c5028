import type { Random } from '../lib/random.ts';
import { backoffMs } from './backoff.ts';

/** Circuit breaker per destination: after some failures in a row it is left alone for a while, then tried by one. */
export interface Breaker {
  /** 0 when a delivery may start now, else the ms until it may. A probe that may start is counted as under way. */
  enter(key: string, now: number): number;
  /** Keys whose circuit is open, so that nothing for them is worth claiming. */
  shut(now: number): readonly string[];
  succeeded(key: string): boolean;
  /** True when this failure opened (or reopened) the circuit. */
  failed(key: string, now: number): boolean;
}

interface Circuit {
  failures: number;
  openings: number;
  openUntil: number;
  probeUntil: number;
}

const OPEN = { baseMs: 2000, capMs: 15_000 };
const PROBE_WAIT_MS = 1000;
/** A probe of which nothing was heard for so long is given up, so that a circuit cannot stay shut for ever. */
const PROBE_LIFE_MS = 60_000;
const MAX_CIRCUITS = 10_000;

/**
 * `threshold`: failures in a row that open a circuit. Open spans grow from 2 s to 15 s: one message in them costs a
 * receiver nothing, and a warning that waits for it costs more.
 */
export function createBreaker(threshold: number, random: Random): Breaker {
  const circuits = new Map<string, Circuit>();
  return {
    enter(key, now) {
      const circuit = circuits.get(key);
      if (circuit === undefined || circuit.failures < threshold) return 0;
      if (now < circuit.openUntil) return circuit.openUntil - now;
      if (now < circuit.probeUntil) return PROBE_WAIT_MS;
      circuit.probeUntil = now + PROBE_LIFE_MS;
      return 0;
    },
    shut: (now) =>
      [...circuits].filter(([, one]) => now < one.openUntil || now < one.probeUntil).map(([key]) => key),
    succeeded(key) {
      const open = (circuits.get(key)?.failures ?? 0) >= threshold;
      circuits.delete(key);
      return open;
    },
    failed(key, now) {
      const [oldest] = circuits.keys();
      if (circuits.size >= MAX_CIRCUITS && !circuits.has(key) && oldest !== undefined)
        circuits.delete(oldest);
      const circuit = circuits.get(key) ?? { failures: 0, openings: 0, openUntil: 0, probeUntil: 0 };
      circuits.set(key, circuit);
      circuit.failures += 1;
      if (circuit.failures < threshold || now < circuit.openUntil) return false;
      circuit.probeUntil = 0;
      circuit.openings += 1;
      circuit.openUntil = now + backoffMs(circuit.openings, random, OPEN);
      return true;
    },
  };
}
