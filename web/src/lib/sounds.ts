import type { Level } from './contract.ts';

/** One pulse of a sound. */
export interface Pulse {
  readonly hz: number;
  /** From the beginning of the sound, s. */
  readonly at: number;
  /** How long, s. */
  readonly lasts: number;
}

const pulses = (hz: readonly number[], starts: readonly number[], lasts: number): readonly Pulse[] =>
  starts.map((at, i) => ({ hz: hz[i % hz.length] as number, at, lasts }));

/**
 * A sound for each level, told apart by rhythm and by pitch, so that who cannot hear the one hears the other. The numbers of
 * pulses are those of medical alarms of low, medium and high priority (IEC 60601-1-8: two, three, and ten in two bursts).
 */
export const patterns: Readonly<Record<Level, readonly Pulse[]>> = {
  yellow: pulses([440], [0, 0.5], 0.2),
  orange: pulses([587, 587, 740], [0, 0.32, 0.64], 0.2),
  red: pulses([740, 740, 988, 740, 988], [0, 0.2, 0.4, 0.75, 0.95, 1.6, 1.8, 2.0, 2.35, 2.55], 0.15),
};
/** Two falling notes before the sound of a drill: nobody is to take it for the real thing. */
const drill: readonly Pulse[] = [
  { hz: 523, at: 0, lasts: 0.35 },
  { hz: 392, at: 0.4, lasts: 0.6 },
];
const DRILL_S = 1.2;

/** What is played for a level. */
export const soundOf = (level: Level, isDrill: boolean): readonly Pulse[] =>
  isDrill ? [...drill, ...patterns[level].map((one) => ({ ...one, at: one.at + DRILL_S }))] : patterns[level];

/** Plays pulses now; `volume` 0..1. Each begins and ends softly, for a hard edge is heard as a click. */
export function play(context: AudioContext, sound: readonly Pulse[], volume: number): void {
  for (const { hz, at, lasts } of sound) {
    const from = context.currentTime + 0.02 + at;
    const tone = context.createOscillator();
    const gain = context.createGain();
    tone.type = 'triangle';
    tone.frequency.value = hz;
    gain.gain.setValueAtTime(0, from);
    gain.gain.linearRampToValueAtTime(volume, from + 0.015);
    gain.gain.setValueAtTime(volume, from + lasts - 0.03);
    gain.gain.linearRampToValueAtTime(0, from + lasts);
    tone.connect(gain).connect(context.destination);
    tone.start(from);
    tone.stop(from + lasts + 0.01);
  }
}

const rank: Readonly<Record<Level, number>> = { yellow: 1, orange: 2, red: 3 };

/** The highest level among what came to wait since `before`, or has risen since; null: nothing did. */
export function newest(
  before: ReadonlyMap<string, Level>,
  waiting: readonly { readonly alert: string; readonly level: Level }[],
): Level | null {
  const isNew = ({ alert, level }: (typeof waiting)[number]): boolean => {
    const was = before.get(alert);
    return was === undefined || rank[was] < rank[level];
  };
  const [first] = waiting.filter(isNew).toSorted((a, b) => rank[b.level] - rank[a.level]);
  return first?.level ?? null;
}

/** What a person chose, kept by their browser. */
export interface SoundChoice {
  readonly isOn: boolean;
  /** 0..1 */
  readonly volume: number;
  /** Levels that are heard. */
  readonly levels: readonly Level[];
  /** Exercises and tests are heard, too. */
  readonly hasDrills: boolean;
}
export const silent: SoundChoice = { isOn: false, volume: 0.6, levels: ['orange', 'red'], hasDrills: false };

/** What was kept; whatever cannot be read is as if nothing had been chosen. */
export function readChoice(text: string | null): SoundChoice {
  try {
    const { isOn, volume, levels, hasDrills } = JSON.parse(text ?? '') as Record<string, unknown>;
    return {
      isOn: isOn === true,
      volume: typeof volume === 'number' && volume >= 0 && volume <= 1 ? volume : silent.volume,
      levels: Array.isArray(levels)
        ? (['yellow', 'orange', 'red'] as const).filter((one) => levels.includes(one))
        : silent.levels,
      hasDrills: hasDrills === true,
    };
  } catch {
    return silent;
  }
}
