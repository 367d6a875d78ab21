import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import { afterEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { HealthRegistry } from '../../lib/admin/health.ts';
import { MAX_BODY_BYTES } from '../../lib/admin/http-answer.ts';
import { type Admin, type AdminOptions, createAdmin } from '../../lib/admin/server.ts';
import { active, ObservationContext, runIn } from '../../lib/context/context.ts';
import { kOwn } from '../../lib/core/symbols.ts';
import { eventually } from '../support/wait.ts';

const TOKEN = 's3cret-token';
const open: Admin[] = [];
afterEach(() => Promise.all(open.splice(0).map((admin) => admin.close())));

interface Reply {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: string;
}

function ask(
  url: string,
  {
    method = 'GET',
    headers = {},
    body = '',
  }: { method?: string; headers?: Record<string, string | undefined>; body?: string } = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers, agent: false }, (response) => {
      let text = '';
      response
        .setEncoding('utf8')
        .on('data', (chunk) => (text += chunk))
        .on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
    });
    outgoing.on('error', reject).end(body);
  });
}

async function start(
  options: Partial<AdminOptions> = {},
): Promise<{ url: string; health: HealthRegistry; levels: Record<string, string>; times: unknown[] }> {
  const times: unknown[] = [];
  const health = new HealthRegistry();
  const levels: Record<string, string> = { sightline: 'info', app: 'warn' };
  const admin = createAdmin({
    host: '127.0.0.1',
    port: 0,
    portExplicit: true,
    token: undefined,
    health,
    exposition: async (accept) => ({
      contentType: 'text/plain; version=0.0.4; charset=utf-8',
      body: `# accept ${accept}\n`,
    }),
    logLevels: {
      list: () => levels,
      set(level, { name, forMillis } = {}) {
        times.push(forMillis);
        const names = Object.keys(levels).filter((one) => name === undefined || one === name);
        for (const one of names) levels[one] = level;
        return names;
      },
    },
    ...options,
  });
  open.push(admin);
  admin.start();
  const url = await eventually('the admin port', () => admin.url);
  return { url, health, levels, times };
}

test('every page over real HTTP', async () => {
  const { url, health } = await start();
  const metrics = await ask(`${url}/metrics`, { headers: { accept: 'application/openmetrics-text' } });
  assert.deepEqual(
    [metrics.status, metrics.headers['content-type'], metrics.body],
    [200, 'text/plain; version=0.0.4; charset=utf-8', '# accept application/openmetrics-text\n'],
  );
  assert.equal(metrics.headers['cache-control'], 'no-store');
  assert.deepEqual([(await ask(`${url}/livez`)).status, (await ask(`${url}/readyz`)).status], [200, 200]);
  const page = await ask(`${url}/health?x=1`);
  assert.deepEqual(
    [page.status, page.headers['content-type'], JSON.parse(page.body).status],
    [200, 'application/health+json', 'pass'],
  );
  assert.match((await ask(`${url}/`)).body, /href="\/loglevel"/);
  assert.deepEqual(
    [(await ask(`${url}/metrics`, { method: 'HEAD' })).status, (await ask(`${url}/metrics`, { method: 'HEAD' })).body],
    [200, ''],
  );
  assert.match((await ask(`${url}/nothing`)).body, /SIGHTLINE_E_NOT_FOUND.*\/metrics/);
  assert.equal((await ask(`${url}/nothing`)).status, 404);
  const refused = await ask(`${url}/health`, { method: 'POST' });
  assert.deepEqual([refused.status, refused.headers['allow']], [405, 'GET, HEAD']);
  health.check('db', () => false);
  assert.equal((await ask(`${url}/health`)).status, 503);
});

test('readiness: gates and critical checks, verbose says which, not why', async () => {
  const { url, health } = await start();
  health.check('cache', () => false, { critical: false });
  assert.equal((await ask(`${url}/readyz`)).status, 200);
  health.ready(false);
  assert.deepEqual([(await ask(`${url}/readyz`)).status, (await ask(`${url}/readyz`)).body], [503, 'not ready\n']);
  health.ready(true);
  health.check('db', () => {
    throw new Error('password for secret_user@db.internal');
  });
  const verbose = await ask(`${url}/readyz?verbose`);
  assert.equal(verbose.status, 503);
  assert.equal(verbose.body, '[+]app ok\n[+]cache ok\n[-]db failed, see /health\nnot ready\n');
  assert.equal((await ask(`${url}/livez`)).status, 200, 'a failing check does not restart the service');
});

test('log levels: list, set one, set all, refuse', async () => {
  const { url, levels, times } = await start();
  assert.deepEqual(JSON.parse((await ask(`${url}/loglevel`)).body), { loggers: { sightline: 'info', app: 'warn' } });
  const one = await ask(`${url}/loglevel`, { method: 'PUT', body: '{"level":"debug","logger":"app"}' });
  assert.deepEqual(JSON.parse(one.body), { changed: ['app'], loggers: { sightline: 'info', app: 'debug' } });
  assert.equal((await ask(`${url}/loglevel`, { method: 'PUT', body: 'ERROR\n' })).status, 200);
  assert.deepEqual(levels, { sightline: 'error', app: 'error' });
  assert.equal((await ask(`${url}/loglevel?level=trace&logger=sightline`, { method: 'PUT' })).status, 200);
  assert.equal(levels['sightline'], 'trace');
  const before = Date.now();
  for (const [path, body] of [
    ['/loglevel', '{"level":"debug","for":"24h"}'],
    ['/loglevel?level=debug&for=1ms', ''],
  ] as const) {
    const answer = await ask(url + path, { method: 'PUT', body });
    assert.ok(Date.parse(JSON.parse(answer.body).until) > before);
  }
  assert.deepEqual(times, [undefined, undefined, undefined, 24 * 3_600_000, 1]);
  for (const time of ['"10"', '"soon"', '10', '"0s"', '"25h"', '""', 'null']) {
    const refused = await ask(`${url}/loglevel`, { method: 'PUT', body: `{"level":"debug","for":${time}}` });
    assert.equal(refused.status, 400, time);
    assert.match(refused.body, /^SIGHTLINE_E_OPTION: got for .+at most 24h/);
  }
  for (const body of ['{"level":"loud"}', '{"level":7}', '{', '', '{"level":"info","logger":5}']) {
    const refused = await ask(`${url}/loglevel`, { method: 'PUT', body });
    assert.equal(refused.status, 400, body);
    assert.match(refused.body, /^SIGHTLINE_E_OPTION/);
  }
  assert.equal(
    (await ask(`${url}/loglevel`, { method: 'PUT', body: '{"level":"info","logger":"nobody"}' })).status,
    404,
  );
  assert.equal(
    (await ask(`${url}/loglevel`, { method: 'PUT', body: `"${'x'.repeat(MAX_BODY_BYTES - 2)}"` })).status,
    400,
    'the longest body that is read',
  );
  assert.equal((await ask(`${url}/loglevel`, { method: 'PUT', body: 'x'.repeat(MAX_BODY_BYTES + 1) })).status, 413);
});

test('on loopback, a change from under a foreign name or origin is refused (DNS rebinding)', async () => {
  const { url, levels } = await start();
  const put = (headers: { host?: string; origin?: string }) =>
    ask(`${url}/loglevel`, { method: 'PUT', body: 'debug', headers });
  for (const headers of [
    { host: 'evil.example' },
    { host: 'evil.example:9470' },
    { origin: 'http://evil.example' },
    { origin: 'null' },
    { host: '127.0.0.1.evil.example' },
    { host: '10.0.0.1' },
  ]) {
    assert.equal((await put(headers)).status, 403, JSON.stringify(headers));
  }
  assert.equal(levels['app'], 'warn');
  for (const headers of [
    {},
    { host: 'localhost:9470' },
    { host: '[::1]:9470' },
    { host: '127.8.8.8' },
    { origin: 'http://localhost:4380' },
  ]) {
    assert.equal((await put(headers)).status, 200, JSON.stringify(headers));
  }
});

test('off loopback: scrapers and probes are answered, everything else needs the token', async () => {
  const { url, levels } = await start({ host: '0.0.0.0', token: TOKEN });
  assert.match(url, /^http:\/\/127\.0\.0\.1:/);
  const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
  for (const path of ['/metrics', '/livez', '/readyz']) assert.equal((await ask(url + path)).status, 200, path);
  for (const path of [
    '/',
    '/health',
    '/loglevel',
    '/nothing',
    '/metrics/',
    '//metrics',
    '/METRICS',
    '/debug/pprof/heap',
  ]) {
    assert.equal((await ask(url + path)).status, 403, path);
    for (const wrong of ['', 'x', `${TOKEN}x`, TOKEN.slice(1), TOKEN.toUpperCase()])
      assert.equal((await ask(url + path, bearer(wrong))).status, 403, `${path} ${wrong}`);
  }
  assert.equal((await ask(`${url}/health`, { headers: { authorization: `Basic ${TOKEN}` } })).status, 403);
  for (const path of ['/', '/health', '/loglevel'])
    assert.equal((await ask(url + path, bearer(TOKEN))).status, 200, path);
  assert.equal((await ask(`${url}/loglevel`, { method: 'PUT', body: 'debug' })).status, 403);
  assert.equal(levels['app'], 'warn');
  assert.equal(
    (
      await ask(`${url}/loglevel`, {
        method: 'PUT',
        body: 'debug',
        headers: { authorization: `bearer ${TOKEN}`, host: 'shop.example' },
      })
    ).status,
    200,
  );
});

test('off loopback without a token: nothing but the open pages', async () => {
  for (const token of [undefined, '']) {
    const { url } = await start({ host: '0.0.0.0', token });
    assert.equal((await ask(`${url}/metrics`)).status, 200);
    const refused = await ask(`${url}/health`, { headers: { authorization: 'Bearer ' } });
    assert.equal(refused.status, 403);
  }
});

test('handlers run outside of the context in which the port was opened', async () => {
  let seen: string | undefined = 'not called';
  const { url } = await runIn(new ObservationContext(undefined, 'of-the-app', undefined, undefined), () =>
    start({
      exposition: async () => {
        seen = active().correlationId;
        return { contentType: 'text/plain', body: '' };
      },
    }),
  );
  await ask(`${url}/metrics`);
  assert.equal(seen, undefined);
});

test('a page that fails is a 500, the next one works', async () => {
  let fail = true;
  const { url } = await start({
    exposition: async () => {
      if (fail) throw new Error('page of this test');
      return { contentType: 'text/plain', body: 'fine' };
    },
  });
  const failed = await ask(`${url}/metrics`);
  assert.equal(failed.status, 500);
  assert.doesNotMatch(failed.body, /page of this test/, 'the reason stays on stderr');
  fail = false;
  assert.equal((await ask(`${url}/metrics`)).status, 200);
});

test('broken requests close their connection and nothing else', async () => {
  const { url } = await start();
  const port = Number(new URL(url).port);
  for (const bytes of ['\0\0\0\r\n\r\n', `GET /metrics HTTP/1.1\r\nHost: a\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`]) {
    await new Promise<void>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
      socket
        .on('error', () => {})
        .on('close', () => resolve())
        .resume();
    });
  }
  // A client that goes away in the middle of its body.
  await new Promise<void>((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write('PUT /loglevel HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nde');
      socket.end();
      socket.resume().on('close', () => resolve());
    });
  });
  assert.equal((await ask(`${url}/livez`)).status, 200);
});

async function taken(): Promise<{ port: number; close: () => Promise<void> }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

test('a default port that is taken: the next free one', async () => {
  const { port, close } = await taken();
  try {
    const { url } = await start({ port, portExplicit: false });
    assert.ok(Number(new URL(url).port) > port);
    assert.equal((await ask(`${url}/livez`)).status, 200);
  } finally {
    await close();
  }
});

const FIXTURE = fileURLToPath(new URL('../fixtures/admin/process.ts', import.meta.url));

function run(...args: string[]): { stdout: string; stderr: string; status: number | null } {
  return spawnSync(process.execPath, [FIXTURE, ...args], { encoding: 'utf8', timeout: 20_000 });
}

test('an explicit port that is taken: a coded error, no admin port, the app runs and ends', async () => {
  const { port, close } = await taken();
  try {
    const { stdout, stderr, status } = run(String(port), 'explicit');
    assert.deepEqual([stdout, status], ['url undefined\n', 0]);
    assert.match(
      stderr,
      new RegExp(
        `^sightline: SIGHTLINE_E_PORT_TAKEN: got admin port ${port} on 127.0.0.1, but it is taken; .*SIGHTLINE_ADMIN_PORT.*\n$`,
      ),
    );
    const fallback = run(String(port), 'default');
    assert.match(fallback.stdout, /^url http:\/\/127\.0\.0\.1:\d+\n$/);
    assert.match(
      fallback.stderr,
      new RegExp(
        `^sightline: SIGHTLINE_W_PORT_TAKEN: port ${port} is taken, the admin port is http://127.0.0.1:\\d+\\. .*\n$`,
      ),
      'said once',
    );
    assert.equal(fallback.status, 0);
  } finally {
    await close();
  }
});

test('an open port, an idle kept-alive connection and a hanging check do not hold the process', () => {
  const { stdout, stderr, status } = run('0', 'busy');
  assert.match(stdout, /^url http:\/\/127\.0\.0\.1:\d+\n$/);
  assert.deepEqual([stderr, status], ['', 0]);
});

test('the server is marked as ours before it listens', async () => {
  const { subscribe, unsubscribe } = await import('node:diagnostics_channel');
  const marks: unknown[] = [];
  const onListen = (message: unknown): void =>
    void marks.push((message as { server: Record<symbol, unknown> }).server[kOwn]);
  subscribe('tracing:net.server.listen:asyncEnd', onListen);
  await start();
  unsubscribe('tracing:net.server.listen:asyncEnd', onListen);
  assert.deepEqual(marks, [true]);
});

test('closed before it listens, closed twice, started again: nothing is left', async () => {
  const admin = createAdmin({
    host: '127.0.0.1',
    port: 0,
    portExplicit: false,
    token: undefined,
    health: new HealthRegistry(),
    exposition: async () => ({ contentType: '', body: '' }),
    logLevels: { list: () => ({}), set: () => [] },
  });
  admin.start();
  await Promise.all([admin.close(), admin.close()]);
  admin.start();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(admin.url, undefined);
});
