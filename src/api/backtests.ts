import { z } from 'zod';
import { AtalaiaError } from '../lib/errors.ts';
import type { Rule } from '../model/rule.ts';
import { formatInstant, HOUR_MS } from '../model/time.ts';
import { loadRules } from '../rules/rule-set.ts';
import { authorOf } from './access/caller.ts';
import type { ApiDeps, BacktestDesk, BacktestJob } from './deps.ts';
import { instant, name, readBody, span } from './input.ts';
import { listOf, part, type Route, ref } from './route.ts';

const MAX_RULES = 100;

const ruleFiles = z
  .array(z.strictObject({ name, text: z.string().min(1).max(100_000) }))
  .min(1)
  .max(MAX_RULES);

/** The body of `POST /backtests`. */
export const backtestBody = z.strictObject({
  /** Rule files as text; the rules in force without it. */
  rules: ruleFiles.optional(),
  /** A second version of them. */
  compare: ruleFiles.optional(),
  /** CSV `rule,subject,level,from,to`; the header alone gives frequencies without scores. */
  truth: z.string().max(4_000_000).default('rule,subject,level,from,to\n'),
  /** `RULE/LEVEL=FROM..TO/STEP` */
  sweeps: z.array(z.string().max(200)).max(10).default([]),
  /** `RULE/LEVEL` or `RULE/LEVEL#2` */
  proposals: z.array(z.string().max(200)).max(10).default([]),
  tolerance: span.default(HOUR_MS),
  from: instant,
  to: instant,
  /** Ids; all stations without it. */
  stations: z.array(name).min(1).max(10_000).optional(),
  /** On a server with users it is the one who is signed in. */
  author: z.string().trim().min(1).max(200).optional(),
});

function rulesOf(files: z.output<typeof ruleFiles>): readonly Rule[] {
  const { rules, problems } = loadRules(files.map(({ name, text }) => ({ path: name, text })));
  if (problems.length === 0) return rules;
  const told = problems.map(({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`);
  throw new AtalaiaError('ATL_RULE', told.join('\n'));
}

const instantOrNull = (at: number | null): string | null => (at === null ? null : formatInstant(at));

const view = ({ report: _, ...job }: BacktestJob): object => ({
  ...job,
  from: formatInstant(job.from),
  to: formatInstant(job.to),
  createdAt: formatInstant(job.createdAt),
  endedAt: instantOrNull(job.endedAt),
  foldedTo: instantOrNull(job.foldedTo),
});

function deskOf({ backtests }: ApiDeps): BacktestDesk {
  if (backtests) return backtests;
  throw new AtalaiaError('ATL_NOT_FOUND', 'This server makes no backtests. Use atalaia backtest.');
}

function found(deps: ApiDeps, id: string): BacktestJob {
  const job = deskOf(deps).job(id);
  if (job) return job;
  throw new AtalaiaError(
    'ATL_NOT_FOUND',
    `There is no backtest ${id}. GET /api/v1/backtests lists the last; a restart forgets them.`,
  );
}

const post: Route = {
  method: 'POST',
  path: '/api/v1/backtests',
  operationId: 'postBacktest',
  summary: 'Folds readings of the archive by rules and scores the alerts; the answer names the job.',
  body: { types: ['application/json'], schema: ref('BacktestInput') },
  responses: { 202: { description: 'It waits for its turn', schema: ref('Backtest') } },
  problems: [400, 415, 422, 503],
  async handler(request, reply, deps) {
    const { rules, compare, tolerance, author, stations, ...rest } = readBody(backtestBody, request.body);
    if (rest.to <= rest.from) throw new AtalaiaError('ATL_INPUT', 'Body `to` is not after `from`.');
    const job = deskOf(deps).submit({
      ...rest,
      rules: rules ? rulesOf(rules) : deps.rules().map(({ version: _, ...rule }) => rule),
      ...(compare && { others: rulesOf(compare) }),
      ...(stations && { stations }),
      toleranceMs: tolerance,
      author: authorOf(request, author),
    });
    return reply.code(202).header('Location', `/api/v1/backtests/${job.id}`).send(view(job));
  },
};

const list: Route = {
  method: 'GET',
  path: '/api/v1/backtests',
  operationId: 'listBacktests',
  summary: 'Backtests that wait, run or ended lately, the newest first, without their reports.',
  responses: { 200: { description: 'The jobs', schema: listOf('Backtest') } },
  handler: (_request, _reply, deps) => ({ items: deskOf(deps).jobs().map(view), next: null }),
};

const one: Route = {
  method: 'GET',
  path: '/api/v1/backtests/{id}',
  operationId: 'getBacktest',
  summary: 'One backtest: how far it is, and its report when it is done.',
  responses: { 200: { description: 'The job', schema: ref('Backtest') } },
  problems: [404],
  handler(request, _reply, deps) {
    const job = found(deps, part(request, 'id'));
    return { ...view(job), ...(job.report && { report: job.report }) };
  },
};

const cancel: Route = {
  method: 'DELETE',
  path: '/api/v1/backtests/{id}',
  operationId: 'cancelBacktest',
  summary: 'Ends a backtest that waits or runs; one that has ended stays as it is.',
  responses: { 204: { description: 'It ends' } },
  problems: [404],
  handler(request, reply, deps) {
    deskOf(deps).cancel(found(deps, part(request, 'id')).id);
    return reply.code(204).send();
  },
};

export const backtestRoutes: readonly Route[] = [post, list, one, cancel];
