import { createHash } from 'node:crypto';
import type { Subject } from '../model/subject.ts';
import { formatInstant } from '../model/time.ts';

/** Id of an alert, fixed when first raised: hex of the first 16 bytes of SHA-256 over `rule LF kind:id LF firstOnsetAt`. */
export function alertId(rule: string, subject: Subject, firstOnsetAt: number): string {
  const text = `${rule}\n${subject.kind}:${subject.id}\n${formatInstant(firstOnsetAt)}`;
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
