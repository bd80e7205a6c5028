import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { languages } from '../../model/language.ts';
import type { ApiDeps } from '../deps.ts';
import { readQuery } from '../input.ts';
import { part, type Route } from '../route.ts';
import { collect } from './collect.ts';
import { composeReport } from './compose.ts';
import { reportHtml, reportPolicy } from './html.ts';
import { reportPdf } from './pdf.ts';

const query = z.strictObject({ language: z.enum(languages).optional() });

/** PDF is asked for by name alone: browsers accept everything. */
const wantsPdf = (accept: string | undefined): boolean =>
  /application\/pdf/i.test(accept ?? '') && !/text\/html/i.test(accept ?? '');

async function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  deps: ApiDeps,
  isPdf: boolean,
): Promise<FastifyReply> {
  const { language = deps.language } = readQuery(query, request.query);
  const found = await collect(part(request, 'id'), deps);
  const report = composeReport(found, deps.environment, language);
  reply.header('Cache-Control', 'private, no-store').header('Vary', 'Accept');
  reply.header('Content-Language', language);
  if (!isPdf)
    return reply
      .header('Content-Security-Policy', reportPolicy)
      .type('text/html; charset=utf-8')
      .send(reportHtml(report));
  const { alert, revision } = found.newest.revision.event;
  const name = `${alert.replace(/[^\w-]/g, '').slice(0, 40)}-${revision}.pdf`;
  return reply
    .header('Content-Disposition', `inline; filename="${name}"`)
    .type('application/pdf')
    .send(reportPdf(report));
}

const route = (suffix: '' | '.pdf'): Route => ({
  method: 'GET',
  path: `/api/v1/alerts/{id}/report${suffix}`,
  operationId: suffix === '' ? 'getAlertReport' : 'getAlertReportPdf',
  summary:
    suffix === ''
      ? 'Everything on record of one alert, to print: HTML, or PDF by Accept: application/pdf.'
      : 'The same as PDF.',
  query,
  responses: {
    200: { description: 'The report', type: suffix === '' ? 'text/html' : 'application/pdf' },
  },
  problems: [400, 404],
  handler: (request, reply, deps) =>
    answer(request, reply, deps, suffix === '.pdf' || wantsPdf(request.headers.accept)),
});

export const reportRoutes: readonly Route[] = [route(''), route('.pdf')];
