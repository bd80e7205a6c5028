import type { AddressInfo } from 'node:net';
import fastify, { type FastifyInstance } from 'fastify';
import { AtalaiaError } from '../lib/errors.ts';
import { knownCaller } from './access/caller.ts';
import { accessHooks } from './access/hooks.ts';
import { keyRoutes } from './access/keys.ts';
import { sessionRoutes } from './access/sessions.ts';
import { userRoutes } from './access/users.ts';
import { actRoutes } from './acts.ts';
import { alertRoutes } from './alerts.ts';
import { auditHooks, auditRoutes } from './audit.ts';
import { backtestRoutes } from './backtests.ts';
import { channelRoutes } from './channels/channels.ts';
import { deliveryRoutes } from './channels/deliveries.ts';
import { previewRoutes } from './channels/preview.ts';
import type { ApiDeps } from './deps.ts';
import { doorRoutes } from './doors.ts';
import { dutyRoutes } from './duty.ts';
import { feedRoutes } from './feeds.ts';
import { foreignRoutes } from './foreign.ts';
import { handoverRoutes } from './handovers.ts';
import { holdRoutes } from './hold.ts';
import { observationRoutes } from './observations.ts';
import { onCallRoutes } from './on-call.ts';
import { describeRoutes } from './openapi.ts';
import { HttpProblem, sendError } from './problem.ts';
import { quarantineRoutes } from './quarantine.ts';
import { raiseRoutes } from './raise.ts';
import { limitRate } from './rate-limit.ts';
import { reportRoutes } from './report/routes.ts';
import type { Route } from './route.ts';
import { ruleRoutes } from './rules.ts';
import { type Bound, guard } from './security.ts';
import { selfTestRoutes } from './self-test.ts';
import { silenceRoutes } from './silences.ts';
import { serveStatic } from './static.ts';
import { stationRoutes } from './stations.ts';
import { statisticsRoutes } from './statistics/routes.ts';
import { createStreamHub, type StreamHub, type StreamLimits, streamRoute } from './stream.ts';
import { subscriberRoutes } from './subscribers/routes.ts';
import { subscriptionRoutes } from './subscriptions.ts';
import { systemRoutes } from './system.ts';
import { verificationRoutes } from './verification/routes.ts';
import { webPushRoutes } from './web-push.ts';

const BODY_LIMIT_BYTES = 8 * 1024 * 1024;
const REQUEST_TIMEOUT_MS = 30_000;
const HEADERS_TIMEOUT_MS = 10_000;
/** How late a connection that sends too slowly may be ended. */
const CHECK_EVERY_MS = 5000;
const MAX_PART_LENGTH = 200;

export interface Api {
  /** Binds and answers with the port (0 asks for a free one); rejects with ATL_ADDRESS_TAKEN. */
  listen(host: string, port: number): Promise<{ readonly port: number }>;
  /** Ends streams and open requests, and frees the port. */
  close(): Promise<void>;
}

/** The HTTP interface of design section 8 over the given parts. */
export async function createApi(deps: ApiDeps): Promise<Api> {
  const { app, bound } = await buildServer(deps);
  return {
    async listen(host, port) {
      bound.host = host;
      try {
        await app.listen({ host, port });
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause;
        const message = `The address ${host}:${port} is taken. Stop the other program or choose another port with --port.`;
        throw new AtalaiaError('ATL_ADDRESS_TAKEN', message, { cause });
      }
      return { port: (app.server.address() as AddressInfo).port };
    },
    close: () => app.close(),
  };
}

/** The server with all routes, not yet listening. */
export async function buildServer(
  deps: ApiDeps,
  limits?: StreamLimits,
): Promise<{ readonly app: FastifyInstance; readonly bound: Bound }> {
  const app = fastify({
    logger: false,
    bodyLimit: BODY_LIMIT_BYTES,
    trustProxy: deps.proxies?.length ? [...deps.proxies] : false,
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: { headersTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: CHECK_EVERY_MS },
    forceCloseConnections: true,
    routerOptions: { maxParamLength: MAX_PART_LENGTH },
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
    frameworkErrors: (error, request, reply) => void sendError(error, request, reply, deps.log),
  });
  const bound: Bound = {};
  const hub = createStreamHub(deps, limits);
  app.addHook('preClose', async () => hub.close());
  guard(app, bound, deps.hosts ?? []);
  limitRate(app, deps.rateLimit, (request) => knownCaller(request, deps));
  app.setErrorHandler((error, request, reply) => sendError(error, request, reply, deps.log));
  const routes = routeTable(hub);
  for (const route of routes) await register(app, route, deps);
  answerTheRest(app, routes, deps);
  await app.ready();
  return { app, bound };
}

/** Every route there is, in the order of the documentation, the description of them all included. */
function routeTable(hub: StreamHub): readonly Route[] {
  const routes = [
    ...observationRoutes,
    ...doorRoutes,
    ...quarantineRoutes,
    ...stationRoutes,
    ...alertRoutes,
    ...reportRoutes,
    ...foreignRoutes,
    ...actRoutes,
    ...raiseRoutes,
    ...dutyRoutes,
    ...onCallRoutes,
    ...subscriptionRoutes,
    ...webPushRoutes,
    ...subscriberRoutes,
    ...previewRoutes,
    ...channelRoutes,
    ...deliveryRoutes,
    ...sessionRoutes,
    ...keyRoutes,
    ...userRoutes,
    ...statisticsRoutes(),
    ...backtestRoutes,
    ...verificationRoutes,
    ...ruleRoutes,
    ...silenceRoutes,
    ...holdRoutes,
    ...handoverRoutes,
    ...auditRoutes,
    ...selfTestRoutes,
    streamRoute(hub),
    ...systemRoutes,
    ...feedRoutes,
  ];
  const openApi: Route = {
    method: 'GET',
    path: '/api/openapi.json',
    operationId: 'getOpenApi',
    summary: 'This description.',
    responses: { 200: { description: 'OpenAPI 3.1', schema: { type: 'object' } } },
    handler: () => document,
  };
  const table = [...routes, openApi];
  const document = describeRoutes(table);
  return table;
}

async function register(app: FastifyInstance, route: Route, deps: ApiDeps): Promise<void> {
  await app.register(async (scope) => {
    if (route.body?.raw) {
      scope.removeAllContentTypeParsers();
      const types = [...route.body.types];
      scope.addContentTypeParser(types, { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    }
    scope.route({
      method: route.method,
      url: route.path.replace(/\{(\w+)\}/g, ':$1'),
      // A HEAD of the stream would never end.
      exposeHeadRoute: route.method === 'GET' && !route.path.endsWith('/stream'),
      ...hooksOf(route, deps),
      handler: (request, reply) => route.handler(request, reply, deps),
    });
  });
}

/** Who may, then what was asked is recorded. */
function hooksOf(route: Route, deps: ApiDeps) {
  const { preHandler = [], ...access } = accessHooks(route, deps);
  const audit = auditHooks(route, deps);
  return { ...access, ...audit, preHandler: [...preHandler, ...audit.preHandler] };
}

function answerTheRest(app: FastifyInstance, routes: readonly Route[], deps: ApiDeps): void {
  const files = serveStatic(deps.webRoot);
  const patterns = routes.map((route) => ({
    method: route.method,
    pattern: new RegExp(`^${route.path.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/]+')}$`),
  }));
  app.setNotFoundHandler(async (request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '/';
    const methods = patterns.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method);
    if (methods.length > 0) {
      reply.header('Allow', methods.join(', '));
      throw new HttpProblem(
        'ATL_METHOD',
        `${request.method} is not answered here, only ${methods.join(', ')}.`,
      );
    }
    if (!path.startsWith('/api/') && (await files(request, reply))) return reply;
    throw new AtalaiaError(
      'ATL_NOT_FOUND',
      `There is nothing at ${path}. /api/openapi.json lists what there is.`,
    );
  });
}
