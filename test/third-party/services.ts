import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { npmFixture } from '../backends/npm.ts';

export interface ServiceRequest {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** `http.route` of its span; undefined where the framework has none. */
  readonly route?: string;
}

/** A program from the registry, as it is. It runs in a directory with `files`, on the port it is given. */
export interface ThirdPartyService {
  readonly name: string;
  /** Row of `npm-fixtures.txt`. */
  readonly folder: string;
  /** What it is built with. */
  readonly framework: string;
  /** Path of the program below `node_modules`; with `files` may also be one of them, then its directory is linked. */
  readonly program: string;
  readonly args: (port: number) => readonly string[];
  readonly env?: (port: number) => Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  /** Standard output from which on it answers. */
  readonly ready: RegExp;
  readonly requests: readonly ServiceRequest[];
  /** What differs between any two runs of it, beside ports, times and durations. */
  readonly masks?: readonly (readonly [RegExp, string])[];
  /** It logs by pino: its lines of a request arrive with the IDs. */
  readonly logsByPino?: true;
  /** Needs a newer Node than the oldest that is observed. */
  readonly newNodeOnly?: true;
}

const HTML = '<!doctype html><title>shop</title><h1>Shop</h1>\n';
const SITE = { 'public/index.html': HTML, 'public/text.txt': 'plain text\n', 'public/sub/index.html': HTML };

const STATIC_REQUESTS: readonly ServiceRequest[] = [
  { path: '/' },
  { path: '/text.txt' },
  { path: '/text.txt', headers: { range: 'bytes=2-5' } },
  { path: '/text.txt', headers: { 'accept-encoding': 'gzip' } },
  { path: '/sub' },
  { path: '/text.txt?query=1', method: 'HEAD' },
  { path: '/text.txt', method: 'POST', body: 'not for files' },
  { path: '/nothing/here' },
  { path: '/%c0%ae%c0%ae/etc' },
  { path: '/%' },
];

const FASTIFY_PLUGIN = `
module.exports = async function (fastify, options) {
  fastify.get('/orders/:id', async (request) => {
    request.log.info({ orderId: request.params.id }, 'order read');
    return { id: request.params.id };
  });
  fastify.post('/orders', { schema: { body: { type: 'object', required: ['item'] } } }, async (request, reply) => {
    reply.code(201);
    return request.body;
  });
  fastify.get('/broken', async () => {
    throw new Error('the order is broken');
  });
};
`;

const MICRO_HANDLER = `
module.exports = async (request, response) => {
  if (request.url === '/broken') throw new Error('the order is broken');
  if (request.url === '/empty') return null;
  return { url: request.url, method: request.method };
};
`;

const HAPI_APP = `
const Hapi = require('@hapi/hapi');
const server = Hapi.server({ port: Number(process.argv[2]), host: '127.0.0.1' });
server.route({ method: 'GET', path: '/orders/{id}', handler: (request) => ({ id: request.params.id }) });
server.route({ method: 'POST', path: '/orders', handler: (request, h) => h.response(request.payload).code(201) });
server.route({ method: 'GET', path: '/broken', handler: () => { throw new Error('the order is broken'); } });
server.events.on('response', (request) => console.log(request.method, request.path, request.response.statusCode));
server.start().then(() => console.log('listening'));
process.on('SIGTERM', async () => { await server.stop({ timeout: 100 }); console.log('stopped'); });
`;

const RESTIFY_APP = `
const restify = require('restify');
const server = restify.createServer({ name: 'orders' });
server.use(restify.plugins.queryParser());
server.use(restify.plugins.bodyParser());
server.get('/orders/:id', (request, response, next) => { response.send({ id: request.params.id }); next(); });
server.post('/orders', (request, response, next) => { response.send(201, request.body); next(); });
server.get('/broken', (request, response, next) => next(new Error('the order is broken')));
server.on('after', (request, response) => console.log(request.method, request.url, response.statusCode));
server.listen(Number(process.argv[2]), '127.0.0.1', () => console.log('listening'));
`;

const OPENAPI = `
openapi: 3.0.0
info: { title: orders, version: '1' }
paths:
  /orders/{id}:
    get:
      parameters: [{ name: id, in: path, required: true, schema: { type: integer } }]
      responses: { '200': { description: read, content: { application/json: { example: { id: 7 } } } } }
`;

/** The same requests for two frameworks, which write a parameter differently. */
function appRequests(parameter: string): readonly ServiceRequest[] {
  const post = { path: '/orders', method: 'POST', headers: { 'content-type': 'application/json' } };
  return [
    { path: '/orders/7', route: `/orders/${parameter}` },
    { ...post, body: '{"item":"tea"}', route: '/orders' },
    { ...post, body: '{"item":', route: '/orders' },
    { path: '/broken', route: '/broken' },
    { path: '/nothing' },
    { path: '/orders/7', method: 'DELETE' },
  ];
}

function mockoonEnvironment(): string {
  const response = {
    uuid: 'c',
    body: '{"id":"{{urlParam \'id\'}}"}',
    latency: 0,
    statusCode: 200,
    headers: [],
    bodyType: 'INLINE',
    rules: [],
    rulesOperator: 'OR',
    default: true,
    callbacks: [],
  };
  const route = { uuid: 'b', type: 'http', method: 'get', endpoint: 'orders/:id', responses: [response] };
  return JSON.stringify({
    uuid: 'a',
    lastMigration: 33,
    name: 'orders',
    hostname: '127.0.0.1',
    routes: [route],
    rootChildren: [{ type: 'route', uuid: 'b' }],
    headers: [],
    data: [],
    callbacks: [],
    folders: [],
  });
}

export const SERVICES: readonly ThirdPartyService[] = [
  {
    name: 'http-server',
    folder: 'http-server',
    framework: 'node:http by union, CommonJS',
    program: 'http-server/bin/http-server',
    args: (port) => ['public', '-p', String(port), '-a', '127.0.0.1', '-g'],
    files: SITE,
    ready: /Hit CTRL-C/,
    // The number of the file in its file system.
    masks: [[/W\/"\d+-/g, 'W/"<file>-']],
    requests: STATIC_REQUESTS,
  },
  {
    name: 'json-server',
    folder: 'json-server',
    framework: 'Express 4, CommonJS, morgan, compression',
    program: 'json-server/lib/cli/bin.js',
    args: (port) => ['db.json', '--port', String(port), '--host', '127.0.0.1'],
    // Otherwise Express answers with the stack, which names the frames of an observer.
    env: () => ({ NODE_ENV: 'production' }),
    files: { 'db.json': '{ "orders": [{ "id": 7, "item": "tea" }], "profile": { "name": "shop" } }' },
    ready: /Type s \+ enter/,
    // Its routes only fetch; one middleware behind all of them answers, so that no route is named.
    requests: [
      { path: '/orders' },
      { path: '/orders/7' },
      { path: '/orders?item=tea&_sort=id', headers: { 'accept-encoding': 'gzip' } },
      {
        path: '/orders',
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"item":"coffee"}',
      },
      { path: '/orders', method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"item":' },
      { path: '/orders/99' },
      { path: '/nothing' },
      { path: '/orders/7', method: 'DELETE' },
    ],
  },
  {
    name: 'serve',
    folder: 'serve',
    framework: 'node:http by serve-handler, ES modules',
    program: 'serve/build/main.js',
    args: (port) => ['-l', `tcp://127.0.0.1:${port}`, 'public'],
    files: SITE,
    ready: /Accepting connections/,
    requests: STATIC_REQUESTS,
  },
  {
    name: 'local-web-server',
    folder: 'local-web-server',
    framework: 'Koa 2, ES modules',
    program: 'local-web-server/bin/cli.js',
    args: (port) => ['--port', String(port), '--hostname', '127.0.0.1', '--log.format', 'combined', '-d', 'public'],
    files: SITE,
    ready: /Listening on/,
    requests: STATIC_REQUESTS,
  },
  {
    name: 's3rver',
    folder: 's3rver',
    framework: 'Koa 2, CommonJS, winston',
    program: 's3rver/bin/s3rver.js',
    args: (port) => ['-d', 'store', '-a', '127.0.0.1', '-p', String(port)],
    ready: /listening on/,
    masks: [[/[0-9A-F]{16}/g, '<request id>']],
    requests: [
      { path: '/', route: '/' },
      { path: '/bucket', method: 'PUT', route: '/:bucket' },
      {
        path: '/bucket/object.txt',
        method: 'PUT',
        headers: { 'content-type': 'text/plain' },
        body: 'an object',
        route: '/:bucket/:key+',
      },
      { path: '/bucket/object.txt', route: '/:bucket/:key+' },
      { path: '/bucket/missing.txt', route: '/:bucket/:key+' },
      { path: '/nothing/here', route: '/:bucket/:key+' },
    ],
  },
  {
    name: 'fastify-cli',
    folder: 'fastify-cli',
    framework: 'Fastify 5, CommonJS, pino',
    program: 'fastify-cli/cli.js',
    args: (port) => ['start', '-l', 'info', '-p', String(port), '-a', '127.0.0.1', 'plugin.cjs'],
    files: { 'plugin.cjs': FASTIFY_PLUGIN },
    ready: /Server listening/,
    logsByPino: true,
    requests: [
      { path: '/orders/7', route: '/orders/:id' },
      {
        path: '/orders',
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"item":"tea"}',
        route: '/orders',
      },
      {
        path: '/orders',
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{}',
        route: '/orders',
      },
      {
        path: '/orders',
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"item":',
        route: '/orders',
      },
      { path: '/broken', route: '/broken' },
      { path: '/nothing' },
    ],
  },
  {
    name: 'micro',
    folder: 'micro',
    framework: 'node:http, CommonJS compiled from TypeScript',
    program: 'micro/dist/src/bin/micro.js',
    args: (port) => ['-l', `tcp://127.0.0.1:${port}`, 'handler.cjs'],
    files: { 'handler.cjs': MICRO_HANDLER, 'package.json': '{ "name": "orders", "version": "1.0.0" }' },
    ready: /Accepting connections/,
    requests: [{ path: '/orders/7' }, { path: '/empty' }, { path: '/broken' }, { path: '/', method: 'PUT', body: 'x' }],
  },
  {
    name: 'sirv-cli',
    folder: 'sirv-cli',
    framework: 'node:http by sirv, CommonJS',
    program: 'sirv-cli/bin.js',
    args: (port) => ['public', '--port', String(port), '--host', '127.0.0.1', '--etag'],
    files: SITE,
    ready: /LOGS/,
    requests: STATIC_REQUESTS,
  },
  {
    name: 'mockoon',
    folder: 'mockoon',
    framework: 'Express 4, ES modules, winston',
    program: '@mockoon/cli/bin/run.js',
    args: (port) => ['start', '--data', 'mock.json', '--port', String(port), '--disable-admin-api'],
    env: () => ({ MOCKOON_DISABLE_TELEMETRY: 'true' }),
    files: { 'mock.json': mockoonEnvironment() },
    ready: /Server started/,
    masks: [[/"environmentUUID":"[^"]*"/g, '"environmentUUID":""']],
    newNodeOnly: true,
    // Its own matching takes place behind one wildcard of Express.
    requests: [{ path: '/orders/7', route: '/*' }, { path: '/nothing' }, { path: '/orders/7', method: 'PUT' }],
  },
  {
    name: 'prism',
    folder: 'prism',
    framework: 'node:http by micri, CommonJS, pino through signale',
    program: '@stoplight/prism-cli/dist/index.js',
    args: (port) => ['mock', '-p', String(port), '-h', '127.0.0.1', 'api.yaml'],
    files: { 'api.yaml': OPENAPI },
    ready: /Prism is listening/,
    masks: [[/\/orders\/\d+/g, '/orders/<random>']],
    newNodeOnly: true,
    requests: [
      { path: '/orders/7' },
      { path: '/orders/seven' },
      { path: '/nothing' },
      { path: '/orders/7', method: 'PUT' },
    ],
  },
  {
    name: 'node-red',
    folder: 'node-red',
    framework: 'Express 4, CommonJS, web sockets',
    program: 'node-red/red.js',
    args: (port) => ['-u', 'user', '-p', String(port)],
    ready: /Started flows/,
    masks: [
      [/\?v=[0-9a-f]{12}/g, '?v=<random>'],
      [/^ETag: .*/g, 'ETag: <of random text>'],
    ],
    newNodeOnly: true,
    requests: [
      { path: '/', route: '/' },
      { path: '/flows', headers: { accept: 'application/json' }, route: '/flows' },
      { path: '/nodes', headers: { accept: 'application/json' }, route: '/nodes' },
      {
        path: '/library/local/flows/nothing',
        // Declared by an expression: its text is of low cardinality all the same.
        route: String.raw`/^\/library\/([^\/]+)\/([^\/]+)(?:$|\/(.*))/`,
      },
      { path: '/nothing' },
    ],
  },
  {
    name: 'hapi',
    folder: 'hapi',
    framework: '@hapi/hapi 21, CommonJS',
    program: 'app.cjs',
    args: (port) => [String(port)],
    files: { 'app.cjs': HAPI_APP },
    ready: /listening/,
    requests: appRequests('{id}'),
  },
  {
    name: 'restify',
    folder: 'restify',
    framework: 'restify 12, CommonJS, pino',
    program: 'app.cjs',
    args: (port) => [String(port)],
    files: { 'app.cjs': RESTIFY_APP },
    ready: /listening/,
    requests: appRequests(':id'),
  },
];

/** Absolute path of the program of a service that runs in `directory`. */
export function programOf(service: ThirdPartyService, directory: string): string {
  if (service.files?.[service.program] !== undefined) return join(directory, service.program);
  const { directory: installed } = npmFixture(service.folder);
  // Through the resolver, so that a program that is a link is run from where it is.
  const require = createRequire(join(installed, 'package.json'));
  const [first = '', second = ''] = service.program.split('/');
  const name = first.startsWith('@') ? `${first}/${second}` : first;
  const root = dirname(join(installed, 'node_modules', name, 'package.json'));
  const path = join(root, service.program.slice(name.length + 1));
  return require.resolve(path);
}
