import type { ForeignAlert, ForeignFacts } from '../../src/alerts/foreign/facts.ts';
import { FOREIGN_LIMITS, laterEnd } from '../../src/alerts/foreign/state.ts';
import {
  briefOf,
  type ForeignFilter,
  type ForeignStore,
  foreignId,
  joinForeign,
  PRUNED_AT_ONCE,
  type StoredForeign,
} from '../../src/store/ledger/foreign.ts';
import { HandoverModel } from './handover-model.ts';
import type { LedgerMedium } from './ledger-medium.ts';

/** The part of the model that keeps warnings of other authorities. */
export abstract class ForeignModel extends HandoverModel implements ForeignStore {
  protected abstract override medium(): LedgerMedium;

  async putForeign(facts: readonly ForeignFacts[], limits = FOREIGN_LIMITS) {
    const { foreignAlerts: alerts, foreignEnds: ends } = this.medium();
    const characters = [...alerts.values()].reduce((sum, { size }) => sum + size, 0);
    const total = { alerts: alerts.size, ends: ends.size, characters };
    return joinForeign({ alerts, ends, total }, facts, limits).taken;
  }
  async foreign({ expiresAfter = -1, source, drills, limit, before }: ForeignFilter) {
    const all = [...this.medium().foreignAlerts.values()]
      .map(({ alert }) => this.#stored(alert))
      .sort((a, b) => b.alert.sentAt - a.alert.sentAt || (a.id < b.id ? 1 : -1));
    const last = before === undefined ? -1 : all.findIndex(({ id }) => id === before);
    if (before !== undefined && last === -1) return [];
    return all
      .slice(last + 1)
      .filter(({ alert }) => alert.expiresAt > expiresAfter && (source ?? alert.source) === alert.source)
      .filter(({ alert }) => (alert.status !== 'Actual') === drills)
      .slice(0, limit)
      .map((one) => ({ ...one, alert: briefOf(one.alert) }));
  }
  async foreignAlert(id: string) {
    const found = [...this.medium().foreignAlerts.values()].find(({ alert }) => foreignId(alert.key) === id);
    return found && this.#stored(found.alert);
  }
  async pruneForeign(expiredBefore: number, endedBefore: number) {
    const { foreignAlerts: alerts, foreignEnds: ends } = this.medium();
    const gone = [...alerts.values()]
      .filter(({ alert }) => alert.expiresAt < expiredBefore)
      .sort((a, b) => a.alert.expiresAt - b.alert.expiresAt)
      .slice(0, PRUNED_AT_ONCE);
    for (const { alert } of gone) {
      const end = { key: alert.key, kind: 'expired' as const, sentAt: alert.sentAt, by: alert.identifier };
      const known = ends.get(alert.key);
      ends.set(alert.key, known ? laterEnd(known, end) : end);
      alerts.delete(alert.key);
    }
    for (const { key, sentAt } of ends.values())
      if (sentAt < endedBefore && !alerts.has(key)) ends.delete(key);
    return gone.length;
  }
  #stored(alert: ForeignAlert): StoredForeign {
    const end = this.medium().foreignEnds.get(alert.key);
    return { id: foreignId(alert.key), alert, ...(end ? { end } : {}) };
  }
}
