import type { Report } from '../model/report.ts';
import type { LineScanner } from './ndjson-scan.ts';
import { learnTemplate, type Template } from './ndjson-template.ts';

const MAX_TEMPLATES = 32;
/** Strict lines between two attempts to learn, at most, while what is learned is of no use. */
const MAX_PATIENCE = 256;

/** The layouts of the last few makes of line, and which to expect next. */
export class TemplateSet {
  readonly #scanner: LineScanner;
  readonly #templates: Template[] = [];
  #last: Template | undefined;
  #lines = 0;
  /** Strict lines to let pass before the next attempt; it doubles with every layout that no line has used again. */
  #patience = 1;
  #waits = 0;

  constructor(scanner: LineScanner) {
    this.#scanner = scanner;
  }

  /** The line at `start` of what the scanner has open, by the layout that followed the last one's before, else by any. */
  read(start: number): Report | undefined {
    const expected = this.#last?.next;
    if (expected !== undefined) {
      const report = this.#scanner.read(start, expected);
      if (report !== undefined) {
        expected.usedAt = ++this.#lines;
        this.#last = expected;
        return report;
      }
    }
    return this.#readByAny(start, expected);
  }

  #readByAny(start: number, tried: Template | undefined): Report | undefined {
    for (const template of this.#templates) {
      if (template === tried || !this.#scanner.begins(start, template)) continue;
      const report = this.#scanner.read(start, template);
      if (report === undefined) continue;
      this.#patience = 1;
      this.#follow(template);
      return report;
    }
    return undefined;
  }

  #follow(template: Template): void {
    template.usedAt = ++this.#lines;
    if (this.#last !== undefined) this.#last.next = template;
    this.#last = template;
  }

  /** Learns from a line that the strict path took without refusing anything; it stands at `start` of what is open. */
  learn(line: Buffer, start: number): void {
    if (++this.#waits < this.#patience) return;
    this.#waits = 0;
    this.#patience = Math.min(MAX_PATIENCE, this.#patience * 2);
    const template = learnTemplate(line);
    // What cannot read its own line reads no other.
    if (template === undefined || this.#scanner.read(start, template) === undefined) return;
    if (this.#templates.length >= MAX_TEMPLATES) this.#drop();
    this.#templates.push(template);
    this.#follow(template);
  }

  /** Drops the layout that has gone unused longest. */
  #drop(): void {
    const oldest = this.#templates.reduce((a, b) => (b.usedAt < a.usedAt ? b : a));
    this.#templates.splice(this.#templates.indexOf(oldest), 1);
    for (const template of this.#templates) if (template.next === oldest) template.next = undefined;
    if (this.#last === oldest) this.#last = undefined;
  }
}
