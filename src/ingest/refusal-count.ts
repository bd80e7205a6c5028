import type { Refusal, RefusalCode } from '../model/report.ts';

/** Refused rows of files: counted per code, the first few kept to be shown. */
export interface RefusalCount {
  readonly byCode: ReadonlyMap<RefusalCode, number>;
  readonly first: readonly (Refusal & { readonly file: string })[];
  total(): number;
  add(file: string, refusal: Refusal): void;
}

const MAX_KEPT = 20;

/** A new, empty count. */
export function createRefusalCount(): RefusalCount {
  const byCode = new Map<RefusalCode, number>();
  const first: (Refusal & { file: string })[] = [];
  let total = 0;
  return {
    byCode,
    first,
    total: () => total,
    add(file, refusal) {
      total++;
      byCode.set(refusal.code, (byCode.get(refusal.code) ?? 0) + 1);
      if (first.length < MAX_KEPT) first.push({ file, ...refusal });
    },
  };
}
