/** A line that is drawn over itself on a terminal, and nothing elsewhere. At most ten a second. */
export class ProgressLine {
  readonly #out: NodeJS.WritableStream & { readonly isTTY?: boolean };
  #drawnAt = 0;
  #isDrawn = false;

  constructor(out: NodeJS.WritableStream & { readonly isTTY?: boolean }) {
    this.#out = out;
  }

  draw(share: number, text: string): void {
    if (!this.#out.isTTY || performance.now() - this.#drawnAt < 100) return;
    this.#drawnAt = performance.now();
    const filled = Math.round(Math.min(1, Math.max(0, share)) * 24);
    this.#out.write(`\r\x1b[2K${'█'.repeat(filled)}${'░'.repeat(24 - filled)} ${text}`);
    this.#isDrawn = true;
  }

  /** Takes the line away, so that other output can be written. */
  clear(): void {
    if (this.#isDrawn) this.#out.write('\r\x1b[2K');
    this.#isDrawn = false;
  }
}
