/** Secrets that an app receives, holds and logs: none of them leaves it with the telemetry, by whatever way. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { announcedAdmin } from '../support/announced.ts';
import { startChild } from '../support/child.ts';
import { send } from '../support/load.ts';
import { createProject } from '../support/project.ts';
import { startReceiver } from '../support/receiver.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';

let canaries = 0;
const kinds: string[] = [];
/** A secret of its own for each way, so that a failure says which one leaked. */
function canary(kind: string): string {
  canaries += 1;
  kinds.push(kind);
  return `canary${String(canaries).padStart(2, '0')}Zq9xK3v`;
}

const APP = `
import { createServer } from 'node:http';
import pino from 'pino';
import { trace } from '@opentelemetry/api';
const log = pino();
const nothing = createServer((request, response) => response.end()).listen(0, '127.0.0.1');
nothing.unref();
const server = createServer(async (request, response) => {
  const url = new URL(request.url, 'http://shop');
  if (url.pathname === '/stop') { response.end(); server.close(); server.closeAllConnections(); nothing.close(); nothing.closeAllConnections(); return; }
  let body = '';
  for await (const chunk of request) body += chunk;
  const outbound = process.env.OUTBOUND_QUERY;
  if (url.pathname === '/log') {
    const parsed = body === '' ? undefined : JSON.parse(body);
    log.info({ headers: request.headers, query: Object.fromEntries(url.searchParams), body: parsed }, 'all of the request');
    log.warn('called with ' + request.url);
    log.info({ settings: { DATABASE_PASSWORD: process.env.DATABASE_PASSWORD, database: process.env.DATABASE_URL } }, 'settings');
    log.info('started as ' + process.argv.slice(2).join(' '));
    log.info({ authorization: request.headers.authorization }, 'Authorization: ' + request.headers.authorization);
    trace.getTracer('app').startActiveSpan('own', (span) => {
      span.setAttributes({ 'app.password': parsed.password, 'app.url': process.env.DATABASE_URL });
      span.recordException(new Error('password=' + parsed.password));
      span.end();
    });
  }
  if (url.pathname === '/outbound') {
    await fetch('http://127.0.0.1:' + nothing.address().port + '/?api_key=' + outbound, { headers: { authorization: 'Bearer ' + outbound } });
  }
  if (url.pathname === '/throw') {
    response.end('dying');
    setImmediate(() => { throw new Error('cannot connect to ' + process.env.DATABASE_URL + ' with token=' + process.env.TOKEN_IN_ERROR); });
    return;
  }
  response.end('ok');
});
process.on('uncaughtException', () => {});
server.listen(0, '127.0.0.1', () => console.log('listening', server.address().port));
`;

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile());
}

test('canaries are found nowhere', async (context) => {
  const receiver = await startReceiver();
  context.after(() => receiver.close());
  const dataDirectory = temporaryDirectory('data');
  const values = {
    bearer: canary('authorization: Bearer'),
    basic: Buffer.from(`user:${canary('authorization: Basic (encoded)')}`).toString('base64'),
    cookie: canary('cookie'),
    apiKey: canary('x-api-key'),
    proxy: canary('proxy-authorization'),
    queryToken: canary('query access_token'),
    queryPassword: canary('query password'),
    bodyPassword: canary('body password'),
    bodyNested: canary('body nested clientSecret'),
    bodyCard: canary('body credit card token'),
    environment: canary('environment DATABASE_PASSWORD'),
    userInfo: canary('credentials of a URL'),
    outbound: canary('outbound query and header'),
    argument: canary('argument'),
    errorToken: canary('error message'),
    elasticsearch: canary('SIGHTLINE_ELASTICSEARCH_PASSWORD'),
    admin: canary('SIGHTLINE_ADMIN_TOKEN'),
    unread: canary('body that the app does not log'),
  };
  // The first deliveries fail: what is kept on disk and what is said of the failure are looked through as well.
  receiver.fail(/spans|_bulk/, ...Array.from({ length: 6 }, () => ({ status: 503 })));
  const child = startChild({
    cwd: createProject({ name: 'secret-service', packages: ['pino', '@opentelemetry/api'], files: { 'app.mjs': APP } }),
    args: ['--import', 'sightline/register', 'app.mjs', `--password=${values.argument}`],
    env: {
      ...receiver.environment,
      SIGHTLINE_DATA_DIR: dataDirectory,
      SIGHTLINE_METRICS: 'prometheus,statsd',
      SIGHTLINE_ELASTICSEARCH_USERNAME: 'elastic',
      SIGHTLINE_ELASTICSEARCH_PASSWORD: values.elasticsearch,
      SIGHTLINE_ADMIN_TOKEN: values.admin,
      OTEL_LOG_LEVEL: 'debug',
      DATABASE_PASSWORD: values.environment,
      DATABASE_URL: `postgres://shop:${values.userInfo}@db.internal/orders`,
      OUTBOUND_QUERY: values.outbound,
      TOKEN_IN_ERROR: values.errorToken,
    },
  });
  context.after(() => child.kill('SIGKILL'));
  const [, port] = await child.line(/listening (\d+)/);
  const url = `http://127.0.0.1:${port}`;
  const id = { 'x-correlation-id': 'canary-request' };
  await send(`${url}/log?access_token=${values.queryToken}&password=${values.queryPassword}&page=2`, {
    method: 'POST',
    headers: {
      ...id,
      authorization: `Bearer ${values.bearer}`,
      cookie: `session=${values.cookie}`,
      'x-api-key': values.apiKey,
      'proxy-authorization': `Bearer ${values.proxy}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({
      page: 2,
      password: values.bodyPassword,
      client: { nested: [{ clientSecret: values.bodyNested }] },
      cardToken: values.bodyCard,
    }),
  });
  await send(`${url}/other?token=${values.queryToken}`, {
    headers: { ...id, authorization: `Basic ${values.basic}` },
    method: 'POST',
    body: values.unread,
  });
  await send(`${url}/outbound`, { headers: id });
  await send(`${url}/throw`, { headers: id });

  const admin = await announcedAdmin(dataDirectory);
  const pages = await Promise.all(
    ['/metrics', '/health', '/readyz?verbose', '/loglevel'].map(async (path) => (await fetch(admin + path)).text()),
  );
  const onDisk = filesBelow(dataDirectory).map((path) => `${path}\n${readFileSync(path, 'latin1')}`);
  assert.ok(
    onDisk.some((content) => content.includes('canary-request')),
    'the journal is among the files',
  );

  await eventually('lines and spans of all requests', () => {
    const lines = receiver.documents.filter((document) => document['correlation.id'] === 'canary-request');
    const spans = receiver.spans.filter((span) => span.tags?.['correlation.id'] === 'canary-request');
    return lines.length >= 9 && spans.length >= 5 && receiver.spans.some(({ name }) => name === 'own')
      ? true
      : undefined;
  });
  await send(`${url}/stop`);
  const ended = await child.ended;
  assert.ok(receiver.statsd.length > 0);

  const places: Record<string, string> = {
    spans: JSON.stringify(receiver.spans),
    documents: JSON.stringify(receiver.documents),
    'metrics page': pages[0] ?? '',
    'health page': pages[1] ?? '',
    'ready page': pages[2] ?? '',
    'log levels': pages[3] ?? '',
    disk: onDisk.join('\n'),
    'disk after the end': filesBelow(dataDirectory)
      .map((path) => path + readFileSync(path, 'latin1'))
      .join('\n'),
    statsd: receiver.statsd.join('\n'),
    stderr: ended.stderr,
  };
  const leaks: string[] = [];
  for (const [place, text] of Object.entries(places)) {
    for (const [index, kind] of kinds.entries()) {
      if (text.includes(`canary${String(index + 1).padStart(2, '0')}`)) leaks.push(`${kind} in ${place}`);
    }
    if (text.includes(values.basic)) leaks.push(`encoded Basic credentials in ${place}`);
  }
  assert.deepEqual(leaks, []);

  // What is no secret is still there: the redaction is no deletion.
  assert.ok(places['documents']?.includes('"page":2'));
  assert.ok(receiver.spans.some((span) => span.tags?.['url.query']?.includes('page=2')));
  // The app's own output is the app's own.
  assert.ok(ended.stdout.includes(values.bodyPassword));
});
