import type { Level } from './contract.ts';
import { newest, play, readChoice, type SoundChoice, soundOf } from './sounds.ts';

const KEY = 'atalaia-sound';
/** A red that nobody has seen is heard again. */
export const REPEAT_MS = 20_000;
type Waiting = readonly { readonly alert: string; readonly level: Level }[];

/** Rings for what comes to wait for the person on duty. */
class Bell {
  choice = $state.raw<SoundChoice>(readChoice(kept()));
  /** The browser lets nothing sound before somebody has pressed something on the page. */
  isBlocked = $state(false);
  /** Quiet until something new comes. */
  isHushed = $state(false);
  #context: AudioContext | null = null;
  /** What waited at the last look; null: nobody has looked yet, and what stands there is no news. */
  #before: ReadonlyMap<string, Level> | null = null;

  choose(change: Partial<SoundChoice>): void {
    this.choice = { ...this.choice, ...change };
    try {
      localStorage.setItem(KEY, JSON.stringify(this.choice));
    } catch {
      // A browser that keeps nothing: the choice holds until the page is closed.
    }
    if (this.choice.isOn) void this.allow();
  }

  /** Asks the browser for sound, after a click or a key; what comes of it stands in `isBlocked`. */
  async allow(): Promise<void> {
    const context = this.#open();
    await Promise.race([
      context?.resume().catch(() => undefined),
      new Promise((done) => setTimeout(done, 300)),
    ]);
    this.#look();
  }

  /** Lets a person hear the sound of a level. */
  async test(level: Level, isDrill: boolean): Promise<void> {
    await this.allow();
    this.#play(level, isDrill);
  }

  /** Takes what waits now; rings for what is new since. */
  hear(waiting: Waiting, isDrill: boolean): void {
    const level = this.#before && newest(this.#before, waiting);
    this.#before = new Map(waiting.map((one) => [one.alert, one.level]));
    if (!level) return;
    this.isHushed = false;
    this.ring(level, isDrill);
  }

  /** Rings where a person wants to hear that. */
  ring(level: Level, isDrill: boolean): void {
    const { isOn, levels, hasDrills } = this.choice;
    if (isOn && !this.isHushed && levels.includes(level) && (hasDrills || !isDrill))
      this.#play(level, isDrill);
  }

  /** Nothing is being looked at any more: what is there at the next look is no news. */
  forget(): void {
    this.#before = null;
  }

  #play(level: Level, isDrill: boolean): void {
    const context = this.#open();
    this.#look();
    if (context?.state === 'running') play(context, soundOf(level, isDrill), this.choice.volume);
  }

  #open(): AudioContext | null {
    if (typeof AudioContext === 'undefined') return null;
    if (!this.#context) {
      this.#context = new AudioContext();
      this.#context.onstatechange = () => this.#look();
    }
    return this.#context;
  }

  #look(): void {
    this.isBlocked = this.#context?.state !== 'running';
  }
}

function kept(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

export const bell = new Bell();
