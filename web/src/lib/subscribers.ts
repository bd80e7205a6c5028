import type { Text } from '../../../src/model/language.ts';
import type { Level } from './contract.ts';

/** What people can choose, as the server tells it. */
export interface SubscriberOptions {
  readonly channels: readonly { readonly name: string; readonly kind: string }[];
  readonly hazards: readonly { readonly key: string; readonly name: Text }[];
  readonly areas: readonly { readonly id: string; readonly name: Text | string }[];
  readonly consent: { readonly version: string; readonly text: Text };
}

/** Where: a code of a station, municipality or area; a circle; or everything. */
export type Where =
  | { readonly areas: 'all' | readonly [string] }
  | {
      readonly places: readonly [
        { readonly latitude: number; readonly longitude: number; readonly km: number },
      ];
    };

export interface Wish {
  readonly channel: string;
  readonly address: string;
  readonly level: Level;
  readonly where: Where;
  readonly hazards: readonly string[];
  readonly languages: readonly string[];
  readonly quiet: { readonly from: string; readonly to: string; readonly timeZone: string } | null;
}

/** The body of `POST /subscribers`. */
export const bodyOf = ({ where, hazards, quiet, ...rest }: Wish): object => ({
  ...rest,
  ...where,
  ...(hazards.length > 0 ? { hazards } : {}),
  ...(quiet ? { quiet } : {}),
  consent: true,
});

/** About 100 m: alerts need no finer position, and nobody has to know the house. */
export const coarse = (degrees: number): number => Math.round(degrees * 1000) / 1000;
