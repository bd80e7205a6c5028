import type { CapSigner } from '../../alerts/cap/sign.ts';
import type { Clock } from '../../lib/clock.ts';
import { DAY_MS, formatInstant, HOUR_MS } from '../../model/time.ts';

/** From so long before its end a certificate is told every day. */
const WARN_MS = 30 * DAY_MS;
const LOOK_MS = HOUR_MS;

export interface CapSigningOptions {
  readonly signer: CapSigner;
  readonly clock: Clock;
  readonly warn: (message: string) => void;
  readonly error: (message: string) => void;
}

/** Signs for as long as the certificate is valid, and tells in time that it ends. */
export class CapSigning {
  readonly #options: CapSigningOptions;
  readonly #endsAt: number;
  #cancel: () => void = () => {};
  #warnedAt = Number.NEGATIVE_INFINITY;
  #hasTold = false;

  constructor(options: CapSigningOptions) {
    this.#options = options;
    this.#endsAt = Date.parse(options.signer.certificate.validTo);
  }

  /** Looks now, and every hour. */
  start(): void {
    this.#look();
    this.#cancel = this.#options.clock.after(LOOK_MS, () => this.start());
  }

  stop(): void {
    this.#cancel();
  }

  /** Undefined once the certificate has expired: a signature of it proves nothing, and no warning waits for a new one. */
  signer(): CapSigner | undefined {
    this.#look();
    return this.state().state === 'expired' ? undefined : this.#options.signer;
  }

  /** As `GET /api/v1/status` shows it. */
  state(): { readonly state: 'valid' | 'expiring' | 'expired'; readonly validTo: string } {
    const left = this.#endsAt - this.#options.clock.now();
    const state = left <= 0 ? 'expired' : left <= WARN_MS ? 'expiring' : 'valid';
    return { state, validTo: formatInstant(this.#endsAt) };
  }

  #look(): void {
    const { clock, warn, error } = this.#options;
    const { state, validTo } = this.state();
    const now = clock.now();
    if (state === 'expired' && !this.#hasTold) {
      this.#hasTold = true;
      error(
        `The certificate that signs CAP messages expired at ${validTo}: messages leave unsigned. Name a new one under cap.signature and start again.`,
      );
    } else if (state === 'expiring' && now - this.#warnedAt >= DAY_MS) {
      this.#warnedAt = now;
      const days = Math.floor((this.#endsAt - now) / DAY_MS);
      warn(
        `The certificate that signs CAP messages expires at ${validTo}, in ${days} days. Have it renewed: afterwards messages leave unsigned.`,
      );
    }
  }
}
