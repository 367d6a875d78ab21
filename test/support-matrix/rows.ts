/** What the support matrix is measured with: one program a row, each with the real library. */

export const COLUMNS = ['trace', 'route', 'error', 'log IDs', 'header', 'forward', 'stop'] as const;
export type Column = (typeof COLUMNS)[number];

export const GROUPS = ['Servers and frameworks', 'Clients', 'Loggers', 'Connections and calls'] as const;
export type Group = (typeof GROUPS)[number];

export type Protocol = 'http' | 'https' | 'http2' | 'upgrade' | 'grpc';

export interface Row {
  readonly group: Group;
  readonly name: string;
  /** Package whose version is shown; undefined: Node's own. */
  readonly package: string | undefined;
  /** How the app loads it. */
  readonly loaded: 'require' | 'import';
  /** Row of `npm-fixtures.txt`; undefined: a dependency of the repository, or nothing. */
  readonly folder: string | undefined;
  /** File below `test/fixtures/support/`. */
  readonly program: string;
  readonly args: readonly string[];
  readonly protocol: Protocol;
  /** What the next service speaks. */
  readonly next: 'http' | 'https' | 'http2';
  /** The columns that the row is about. */
  readonly columns: readonly Column[];
}

const CLIENT_COLUMNS = ['trace', 'error', 'forward', 'stop'] as const;
const LOGGER_COLUMNS = ['error', 'log IDs', 'stop'] as const;

interface Short {
  readonly package?: string;
  readonly folder?: string;
  readonly args?: readonly string[];
  readonly protocol?: Protocol;
  readonly next?: Row['next'];
  readonly columns?: readonly Column[];
}

function row(group: Group, name: string, program: string, options: Short = {}): Row {
  return {
    group,
    name,
    program,
    package: options.package,
    loaded: program.endsWith('.cjs') ? 'require' : 'import',
    folder: options.folder,
    args: options.args ?? [],
    protocol: options.protocol ?? 'http',
    next: options.next ?? 'http',
    columns: options.columns ?? COLUMNS,
  };
}

const server = (name: string, program: string, options?: Short) =>
  row('Servers and frameworks', name, program, options);
const client = (name: string, kind: string, options?: Short) =>
  row('Clients', name, 'client.mjs', { ...options, args: [kind], columns: CLIENT_COLUMNS });
const logger = (folder: string | undefined) =>
  row('Loggers', 'pino', 'logger.cjs', { package: 'pino', ...(folder && { folder }), columns: LOGGER_COLUMNS });

export const ROWS: readonly Row[] = [
  server('node:http, a handler by itself', 'http.cjs', { args: ['http'] }),
  server('node:https, a handler by itself', 'http.cjs', { args: ['https'], protocol: 'https' }),
  server('node:http2, its compatibility API', 'http.cjs', { args: ['http2'], protocol: 'http2' }),
  server('node:http2, streams', 'http2-streams.cjs', { protocol: 'http2' }),
  server('Express 4', 'express.cjs', { package: 'express', folder: 'express-4' }),
  server('Express 4', 'express.mjs', { package: 'express', folder: 'express-4' }),
  server('Express 5', 'express.cjs', { package: 'express' }),
  server('Express 5', 'express.mjs', { package: 'express' }),
  server('Express 5, mounted middleware alone', 'express-mount.cjs', { package: 'express' }),
  server('Fastify 4', 'fastify.cjs', { package: 'fastify', folder: 'fastify-4' }),
  server('Fastify 5', 'fastify.cjs', { package: 'fastify' }),
  server('Fastify 5', 'fastify.mjs', { package: 'fastify' }),
  server('Koa 2, @koa/router 12', 'koa.cjs', { package: 'koa', folder: 'koa-2', args: ['@koa/router'] }),
  server('Koa 2, koa-router 12', 'koa.cjs', { package: 'koa', folder: 'koa-2', args: ['koa-router'] }),
  server('Koa 3, @koa/router 15', 'koa.cjs', { package: 'koa', folder: 'koa-mount', args: ['@koa/router'] }),
  server('Koa 3, @koa/router 15', 'koa.mjs', { package: 'koa', folder: 'koa-mount' }),
  server('Koa 3 without a router', 'koa.cjs', { package: 'koa', folder: 'koa-mount' }),
  server('Hapi', 'hapi.cjs', { package: '@hapi/hapi', folder: 'hapi' }),
  server('restify', 'restify.cjs', { package: 'restify', folder: 'restify' }),
  server('NestJS 11 on Express', 'nest.mjs', { package: '@nestjs/core', folder: 'nest-11', args: ['express'] }),
  server('NestJS 11 on Fastify', 'nest.mjs', { package: '@nestjs/core', folder: 'nest-11', args: ['fastify'] }),
  server('NestJS 12 on Express', 'nest.mjs', { package: '@nestjs/core', folder: 'nest-12', args: ['express'] }),
  server('NestJS 12 on Fastify', 'nest.mjs', { package: '@nestjs/core', folder: 'nest-12', args: ['fastify'] }),
  server('Connect', 'connect.cjs', { package: 'connect', folder: 'connect' }),
  server('Connect', 'connect.mjs', { package: 'connect', folder: 'connect' }),
  server('polka', 'polka.cjs', { package: 'polka', folder: 'polka' }),
  server('micro', 'micro.cjs', { package: 'micro', folder: 'micro' }),
  server('Hono on @hono/node-server', 'hono.mjs', { package: 'hono', folder: 'hono' }),
  client('node:http', 'http'),
  client('node:https', 'https', { next: 'https' }),
  client('node:http2', 'http2', { next: 'http2' }),
  client('fetch', 'fetch'),
  client('undici 7', 'undici', { package: 'undici', folder: 'undici-7' }),
  client('undici 8', 'undici', { package: 'undici', folder: 'clients' }),
  client('axios', 'axios', { package: 'axios', folder: 'clients' }),
  client('got', 'got', { package: 'got', folder: 'clients' }),
  client('node-fetch 2', 'node-fetch-2', { package: 'node-fetch-2', folder: 'clients' }),
  client('node-fetch 3', 'node-fetch', { package: 'node-fetch', folder: 'clients' }),
  ...['pino-8.0', 'pino-8', 'pino-9.0', 'pino-9.9', 'pino-9', undefined].map(logger),
  row('Connections and calls', 'WebSocket handshake by ws', 'ws.cjs', {
    package: 'ws',
    folder: 'ws',
    protocol: 'upgrade',
    columns: ['trace', 'log IDs', 'forward', 'stop'],
  }),
  row('Connections and calls', 'gRPC by @grpc/grpc-js', 'grpc.cjs', {
    package: '@grpc/grpc-js',
    folder: 'grpc',
    protocol: 'grpc',
  }),
];
