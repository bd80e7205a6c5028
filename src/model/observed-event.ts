import type { Text } from './language.ts';
import type { Level } from './rule.ts';

/** What is known of a kind of event that people report. */
interface EventKind {
  readonly title: Text;
  /** Alerts of these hazards warn of it. */
  readonly warnedBy: readonly string[];
  /** Quantities that may have shown it, the most telling first. */
  readonly seenIn: readonly string[];
}

const kind = (pt: string, en: string, warnedBy: string, seenIn: string): EventKind => ({
  title: { 'pt-BR': pt, en },
  warnedBy: warnedBy.split(' '),
  seenIn: seenIn.split(' '),
});

/** Kinds of events by name. Floods and landslides of rain are what warnings of heavy rain are for. */
export const eventKinds: ReadonlyMap<string, EventKind> = new Map([
  ['flood', kind('Inundação', 'Flood', 'flood rain dam', 'rainfall riverLevel')],
  ['flash-flood', kind('Enxurrada', 'Flash flood', 'flood rain dam', 'rainfall riverLevel')],
  ['waterlogging', kind('Alagamento', 'Waterlogging', 'flood rain', 'rainfall')],
  ['landslide', kind('Deslizamento de terra', 'Landslide', 'landslide rain', 'rainfall')],
  ['rain', kind('Chuvas intensas', 'Heavy rain', 'rain', 'rainfall')],
  ['hail', kind('Granizo', 'Hail', 'wind rain', 'windGust rainfall')],
  ['wind', kind('Vendaval', 'Strong wind', 'wind', 'windGust windSpeed')],
  ['tornado', kind('Tornado', 'Tornado', 'wind', 'windGust windSpeed')],
  ['humidity', kind('Baixa umidade', 'Low humidity', 'humidity', 'relativeHumidity')],
  ['cold', kind('Frio intenso e geada', 'Cold and frost', 'cold', 'airTemperature')],
  ['heat', kind('Onda de calor', 'Heat wave', 'heat', 'airTemperature')],
  ['fire', kind('Incêndio florestal', 'Forest fire', 'fire', 'airTemperature relativeHumidity')],
  ['dam', kind('Rompimento de barragem', 'Dam breach', 'dam', 'riverLevel rainfall')],
]);

/** Something that happened, as a person or an office reports it; instants are epoch ms, both ends belong to it. */
export interface ObservedEvent {
  readonly id: string;
  /** A name of {@link eventKinds}. */
  readonly hazard: string;
  readonly place:
    | { readonly area: string }
    /** Degrees WGS 84; `km` round it, 0 for the point itself. */
    | { readonly latitude: number; readonly longitude: number; readonly km: number };
  /** How grave it was; without it, it counts at every level. */
  readonly level?: Level;
  readonly from: number;
  readonly to: number;
  readonly note: string;
  /** Who says so: an office, a newspaper, a person. */
  readonly source: string;
  readonly createdAt: number;
}

export const feedbackAnswers = ['yes', 'no', 'partly'] as const;
export type FeedbackAnswer = (typeof feedbackAnswers)[number];

/** What somebody in the field says of an alert; the newest of an alert decides. */
export interface Feedback {
  readonly alert: string;
  readonly wasReal: FeedbackAnswer;
  readonly note: string;
  readonly by: string;
  /** Epoch ms. */
  readonly at: number;
}
