/** What a service says of its delivery while real backends go and come back, and across the death of the process. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Observed, startObserved, startReceiver } from '../../lib/testing/index.ts';
import { available } from '../backends/directory.ts';
import { startElasticsearch } from '../backends/elasticsearch.ts';
import { startZipkin } from '../backends/zipkin.ts';
import { announcedAdmin } from '../support/announced.ts';
import { createProject } from '../support/project.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';

const REQUESTS = 5;
const STREAM = 'logs-shop-test';

const project = createProject({
  name: 'shop',
  type: 'module',
  files: {
    'app.js': [
      "import { createServer } from 'node:http';",
      "import { log } from 'sightline';",
      "const server = createServer((request, response) => { log.info('served'); response.end('ok'); });",
      "server.listen(0, '127.0.0.1', () => console.log('listening', server.address().port));",
    ].join('\n'),
  },
});

interface Ledger {
  /** By signal and outcome, drops by reason. */
  readonly records: Readonly<Record<string, number>>;
  readonly up: Readonly<Record<string, number>>;
  readonly journalBytes: number;
  readonly oldestSeconds: number;
}

/** Bounded: whoever is asked may have died, and its port may be somebody else's. */
function ask(url: string): Promise<Response> {
  return fetch(url, { signal: AbortSignal.timeout(5000) });
}

/** The ledger as /metrics has it. */
async function ledgerOf(admin: string): Promise<Ledger> {
  const page = await ask(`${admin}/metrics`).then((answer) => answer.text());
  const one = (name: string): number => Number(new RegExp(`^${name} (\\S+)`, 'm').exec(page)?.[1]);
  const records: Record<string, number> = {};
  for (const [, labels = '', value] of page.matchAll(/^sightline_telemetry_records_total\{([^}]*)\} (\S+)/gm)) {
    const label = (name: string): string => new RegExp(`${name}="([^"]*)"`).exec(labels)?.[1] ?? '';
    records[[label('signal'), label('outcome'), label('reason')].filter((part) => part !== '').join(' ')] =
      Number(value);
  }
  const up = Object.fromEntries(
    [...page.matchAll(/^sightline_telemetry_courier_up\{signal="(\w+)"\} (\d)/gm)].map(([, signal, value]) => [
      signal,
      Number(value),
    ]),
  );
  return {
    records,
    up,
    journalBytes: one('sightline_telemetry_journal_size_bytes'),
    oldestSeconds: one('sightline_telemetry_oldest_unsent_age_seconds'),
  };
}

function lines(service: Observed, pattern: RegExp): number {
  return service
    .stderr()
    .split('\n')
    .filter((line) => pattern.test(line)).length;
}

async function launch(t: TestContext, env: NodeJS.ProcessEnv) {
  const receiver = await startReceiver();
  const service = startObserved({ receiver, cwd: project, args: ['app.js'], env, timeoutMillis: 240_000 });
  t.after(async () => {
    await service[Symbol.asyncDispose]();
    await receiver.close();
  });
  const [, port] = await service.line(/listening (\d+)/);
  const admin = await eventually('the admin port of this process', async () => {
    const address = await announcedAdmin(env['SIGHTLINE_DATA_DIR'] ?? '');
    return (await ask(`${address}/livez`)).ok ? address : undefined;
  });
  const request = async (): Promise<void> => {
    for (let at = 0; at < REQUESTS; at += 1) await ask(`http://127.0.0.1:${port}/`).then((answer) => answer.text());
  };
  return { service, admin, request };
}

test('real backends go and come back: one line each, metrics, /health, and a balance across SIGKILL', {
  skip: available('elasticsearch', 'zipkin'),
}, async (t) => {
  const [elasticsearch, zipkin] = await Promise.all([startElasticsearch(), startZipkin()]);
  t.after(() => Promise.all([elasticsearch.stop(), zipkin.stop()]));
  const env = {
    SIGHTLINE_ELASTICSEARCH_URL: elasticsearch.url,
    OTEL_EXPORTER_ZIPKIN_ENDPOINT: `${zipkin.url}/api/v2/spans`,
    SIGHTLINE_DATA_DIR: temporaryDirectory('ledger'),
    SIGHTLINE_LOG_STREAM: STREAM,
  };
  const first = await launch(t, env);
  await first.request();
  const settled = await eventually('everything to be delivered', async () => {
    const ledger = await ledgerOf(first.admin);
    return ledger.records['logs delivered'] === 2 * REQUESTS && ledger.records['spans delivered'] === REQUESTS
      ? ledger
      : undefined;
  });
  assert.deepEqual(settled.up, { logs: 1, spans: 1 });
  assert.equal(settled.oldestSeconds, 0);

  await Promise.all([elasticsearch.server.stop(), zipkin.server.stop()]);
  await first.request();
  const during = await eventually('both couriers to say that they fail', async () => {
    const ledger = await ledgerOf(first.admin);
    const said = lines(first.service, /does not take them/) === 2;
    return said && ledger.up['logs'] === 0 && ledger.up['spans'] === 0 ? ledger : undefined;
  });
  assert.equal(during.records['logs accepted'], 4 * REQUESTS);
  assert.equal(during.records['logs delivered'], 2 * REQUESTS);
  assert.ok(during.oldestSeconds > 0 && during.journalBytes > 0, JSON.stringify(during));
  const health = await ask(`${first.admin}/health`);
  const { status, checks } = (await health.json()) as Record<string, any>;
  assert.deepEqual([health.status, status], [200, 'warn'], 'a service whose logs do not leave still serves');
  const [logs, spans] = checks['telemetry:delivery'];
  assert.deepEqual([logs.componentId, logs.onDisk, logs.courier], ['logs', 2 * REQUESTS, 'failing']);
  assert.deepEqual([spans.componentId, spans.onDisk, spans.courier], ['spans', REQUESTS, 'failing']);
  assert.match(logs.output, /ECONNREFUSED/);
  await first.request();
  assert.equal(lines(first.service, /sightline: logs: .* does not take them \(.*\); they are kept in the journal/), 1);
  assert.equal(lines(first.service, /sightline: traces: /), 1);
  assert.equal(lines(first.service, /./), 2, first.service.stderr());

  await eventually('the last lines to be on the disk', async () =>
    (await ledgerOf(first.admin)).records['logs accepted'] === 6 * REQUESTS ? true : undefined,
  );

  // What the first process had on disk is accepted by the second one, once.
  await first.service.stop('SIGKILL');
  // It could not take its announcement away itself.
  rmSync(join(env.SIGHTLINE_DATA_DIR, 'targets'), { recursive: true });
  const second = await launch(t, env);
  await second.request();
  const taken = await eventually('what was left to be found', async () => {
    const { records } = await ledgerOf(second.admin);
    return records['logs accepted'] === 6 * REQUESTS && records['spans accepted'] === 3 * REQUESTS
      ? records
      : undefined;
  });
  assert.equal(taken['logs delivered'], 0);
  await eventually('the outage to be noticed', () => (lines(second.service, /does not take/) === 2 ? true : undefined));

  await Promise.all([elasticsearch.server.restart(), zipkin.server.restart()]);
  const after = await eventually('everything to be delivered after all', async () => {
    const ledger = await ledgerOf(second.admin);
    const { records, up } = ledger;
    const delivered = records['logs delivered'] === 6 * REQUESTS && records['spans delivered'] === 3 * REQUESTS;
    return delivered && up['logs'] === 1 && up['spans'] === 1 ? ledger : undefined;
  });
  assert.deepEqual(
    Object.entries(after.records).filter(([name, count]) => /dead|dropped/.test(name) && count > 0),
    [],
  );
  assert.equal(after.oldestSeconds, 0);
  await eventually('both lines', () => (lines(second.service, /takes them again/) === 2 ? true : undefined));
  assert.equal(lines(second.service, /logs: .* takes them again after [0-9.]+ s; \d+ records waited$/), 1);
  assert.equal(lines(second.service, /./), 4, second.service.stderr());
  assert.equal((await ask(`${second.admin}/health`).then((answer) => answer.json() as Promise<any>)).status, 'pass');

  await elasticsearch.refresh();
  assert.equal(
    await elasticsearch.count(STREAM, { match_all: {} }),
    8 * REQUESTS,
    'each line once, across both processes',
  );
});
