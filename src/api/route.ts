import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { ApiDeps } from './deps.ts';

/** One row of the route table: what is registered and what OpenAPI says of it. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With `{name}` for parts that vary. */
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  readonly query?: z.ZodObject;
  readonly headers?: readonly {
    readonly name: string;
    readonly required: boolean;
    readonly description: string;
  }[];
  /** `types`: media types that are read; `schema`: JSON schema or a reference. `raw` hands the handler the bytes. */
  readonly body?: { readonly types: readonly string[]; readonly schema: object; readonly raw?: true };
  readonly responses: Readonly<Record<string, ResponseSpec>>;
  /** Status codes answered as problem details. */
  readonly problems?: readonly number[];
  handler(request: FastifyRequest, reply: FastifyReply, deps: ApiDeps): unknown;
}

interface ResponseSpec {
  readonly description: string;
  readonly type?: string;
  readonly schema?: object;
}

/** A reference to a schema of the OpenAPI document. */
export const ref = (name: string): object => ({ $ref: `#/components/schemas/${name}` });

/** The schema of a list: `{"items":[…],"next":cursor}`. */
export const listOf = (name: string): object => ({
  type: 'object',
  required: ['items', 'next'],
  properties: { items: { type: 'array', items: ref(name) }, next: { type: ['string', 'null'] } },
});

/** The part `{name}` of the address. */
export const part = (request: FastifyRequest, name: string): string =>
  (request.params as Record<string, string>)[name] ?? '';

/** JSON that was written already. */
export const sendJson = (reply: FastifyReply, json: string): FastifyReply =>
  reply.type('application/json; charset=utf-8').send(json);
