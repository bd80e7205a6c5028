import type { Refusal } from '../model/report.ts';
import type { Decoded } from './decode/body.ts';

export interface IngestBody {
  readonly accepted: number;
  readonly duplicates: number;
  readonly rejected: readonly Refusal[];
}
/** Problem details (RFC 9457) beside the counts when every report was rejected. */
export interface IngestProblem extends IngestBody {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
}

/**
 * The answer to `POST /observations` once the log is durable: 202 with counts, or 422 when reports were sent and all of
 * them rejected. accepted + duplicates + wholly rejected = sent.
 */
export function ingestResponse(result: Decoded): {
  readonly status: 202 | 422;
  readonly body: IngestBody | IngestProblem;
} {
  const body: IngestBody = {
    accepted: result.reports.length,
    duplicates: result.duplicates,
    rejected: result.refusals,
  };
  if (result.sent === 0 || body.accepted + body.duplicates > 0) return { status: 202, body };
  const detail = `None of the ${result.sent} reports could be accepted; rejected names each reason.`;
  return {
    status: 422,
    body: { type: 'about:blank', title: 'All reports rejected', status: 422, detail, ...body },
  };
}
