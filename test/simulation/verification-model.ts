import type { Feedback, ObservedEvent } from '../../src/model/observed-event.ts';
import type { ObservedFilter, VerificationStore } from '../../src/store/ledger/verification.ts';
import { type LedgerMedium, storedOf } from './ledger-medium.ts';
import { WithholdingModel } from './withholding-model.ts';

/** The part of the model that keeps what happened, and what people say of alerts. */
export abstract class VerificationModel extends WithholdingModel implements VerificationStore {
  protected abstract override medium(): LedgerMedium;

  async putObserved(events: readonly ObservedEvent[]) {
    const { observed } = this.medium();
    const before = observed.size;
    for (const event of events) if (!observed.has(event.id)) observed.set(event.id, event);
    return observed.size - before;
  }
  async observed({ from = -1, to = Number.POSITIVE_INFINITY, hazard, before, limit }: ObservedFilter) {
    const { observed } = this.medium();
    const last = before === undefined ? undefined : observed.get(before);
    const order = (a: ObservedEvent, b: ObservedEvent): number => b.from - a.from || (a.id < b.id ? 1 : -1);
    return [...observed.values()]
      .filter((one) => one.to >= from && one.from < to && (hazard ?? one.hazard) === one.hazard)
      .filter((one) => before === undefined || (last && one.id !== last.id && order(last, one) < 0))
      .sort(order)
      .slice(0, limit);
  }
  async dropObserved(id: string) {
    return this.medium().observed.delete(id);
  }
  async putFeedback(feedback: Feedback) {
    this.medium().feedback.push(feedback);
  }
  async feedback(alerts: readonly string[]) {
    return this.medium().feedback.filter(({ alert }) => alerts.includes(alert));
  }
  async histories(alerts: readonly string[]) {
    const rows = this.medium().revisions.filter(({ revision }) => alerts.includes(revision.event.alert));
    return rows
      .toSorted(({ revision: { event: a } }, { revision: { event: b } }) =>
        a.alert === b.alert ? a.revision - b.revision : a.alert < b.alert ? -1 : 1,
      )
      .map(storedOf);
  }
}
