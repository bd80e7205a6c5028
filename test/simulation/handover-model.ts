import type { Handover, HandoverStore } from '../../src/store/ledger/handover.ts';
import { VerificationModel } from './verification-model.ts';

/** The part of the model that keeps notes of shifts. */
export abstract class HandoverModel extends VerificationModel implements HandoverStore {
  async putHandover(note: Handover) {
    const { handovers } = this.medium();
    if (handovers.some(({ id }) => id === note.id)) return false;
    handovers.push(note);
    return true;
  }
  async handovers({ before, limit }: { readonly before?: string; readonly limit: number }) {
    const { handovers } = this.medium();
    const end = before === undefined ? handovers.length : handovers.findIndex(({ id }) => id === before);
    return handovers.slice(0, Math.max(0, end)).toReversed().slice(0, limit);
  }
}
