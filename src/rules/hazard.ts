import type { Text } from '../model/language.ts';

/** What a hazard is called in the systems that receive our warnings. */
export interface Hazard {
  /** CAP 1.2 `category`. */
  readonly capCategory: 'Met' | 'Fire' | 'Geo' | 'Infra';
  /** CAP `event`, one per language. */
  readonly event: Text;
  /** CAP `eventCode`; COBRADE (Brazil's code of disasters, Instrução Normativa 1/2012) is this project's proposal. */
  readonly eventCode: { readonly valueName: string; readonly value: string };
  /** Name of the dashboard's icon. */
  readonly icon: string;
  /** INMET's name for the event, null where INMET warns of none. */
  readonly inmet: string | null;
  /** MeteoAlarm `awareness_type`, written `number; name`. */
  readonly meteoalarm: { readonly number: number; readonly name: string } | null;
}

const h = (
  capCategory: Hazard['capCategory'],
  [pt, en]: readonly [string, string],
  code: string,
  icon: string,
  inmet: string | null,
  awareness: readonly [number, string] | null,
): Hazard => ({
  capCategory,
  event: { 'pt-BR': pt, en },
  eventCode: { valueName: /^\d/.test(code) ? 'COBRADE' : 'ATALAIA', value: code },
  icon,
  inmet,
  meteoalarm: awareness && { number: awareness[0], name: awareness[1] },
});

/** Every hazard that a rule can name. */
export const hazards: ReadonlyMap<string, Hazard> = new Map([
  ['rain', h('Met', ['Chuvas intensas', 'Heavy rain'], '1.3.2.1.4', 'rain', 'Chuvas Intensas', [10, 'Rain'])],
  ['wind', h('Met', ['Vendaval', 'Strong wind'], '1.3.2.1.5', 'wind', 'Vendaval', [1, 'Wind'])],
  ['humidity', h('Met', ['Baixa umidade', 'Low humidity'], '1.4.1.4.0', 'humidity', 'Baixa Umidade', null)],
  [
    'cold',
    h('Met', ['Frio intenso e geada', 'Cold and frost'], '1.3.3.2.2', 'cold', 'Geada', [
      6,
      'low-temperature',
    ]),
  ],
  [
    'heat',
    h('Met', ['Onda de calor', 'Heat wave'], '1.3.3.1.0', 'heat', 'Onda de Calor', [5, 'high-temperature']),
  ],
  [
    'station-silent',
    h('Infra', ['Estação sem dados', 'Station silent'], 'station-silent', 'station-silent', null, null),
  ],
  ['dam', h('Infra', ['Rompimento de barragem', 'Dam breach'], '2.4.2.0.0', 'dam', null, null)],
  ['landslide', h('Geo', ['Deslizamento de terra', 'Landslide'], '1.1.3.2.1', 'landslide', null, null)],
  ['flood', h('Geo', ['Inundação', 'Flood'], '1.2.1.0.0', 'flood', null, [12, 'flooding'])],
  [
    'fire',
    h('Fire', ['Risco de incêndio florestal', 'Forest fire danger'], '1.4.1.3.1', 'fire', null, [
      8,
      'forest-fire',
    ]),
  ],
]);

/** Told to the people who run the system, never to the public. */
export const operatorHazards: ReadonlySet<string> = new Set(['station-silent']);
