/** `sightline doctor` as a program: against the local stack, real backends, and backends that do not take what is sent. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { appendLetters } from '../../lib/delivery/journal/dead-letter-files.ts';
import type { Diagnosis } from '../../lib/model/diagnosis.ts';
import { faults, startObserved, startReceiver } from '../../lib/testing/index.ts';
import { available } from '../backends/directory.ts';
import { startElasticsearch } from '../backends/elasticsearch.ts';
import { startZipkin } from '../backends/zipkin.ts';
import { runningStack } from '../stack/running-stack.ts';
import { announcedAdmin } from '../support/announced.ts';
import { createProject } from '../support/project.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { sightline } from './command-line.ts';

interface Diagnosed {
  readonly ok: boolean;
  readonly failed: number;
  readonly warnings: number;
  readonly diagnoses: readonly Diagnosis[];
}

async function doctor(env: Record<string, string | undefined>, ...parameters: string[]) {
  const { code, stdout, stderr } = await sightline(['doctor', '--json', ...parameters], {
    env: { NODE_ENV: undefined, SIGHTLINE_DATA_DIR: temporaryDirectory('doctor'), ...env },
    cwd: createProject({ name: 'shop', files: {} }),
  });
  const result = JSON.parse(stdout) as Diagnosed;
  const texts = (part: Diagnosis['part'], status?: Diagnosis['status']) =>
    result.diagnoses
      .filter((found) => found.part === part && (status === undefined || found.status === status))
      .map(({ subject, text }) => `${subject}: ${text}`)
      .join('\n');
  return { code, stderr, texts, ...result };
}

test('the local stack: every hop of every signal, and nothing of the service is touched', async (t) => {
  await using stack = await runningStack();
  const statsd = createSocket('udp4');
  t.after(() => statsd.close());
  await new Promise<void>((resolve) => statsd.bind(0, '127.0.0.1', resolve));
  const dataDirectory = temporaryDirectory('doctor');
  const { code, texts, diagnoses, ok } = await doctor({
    SIGHTLINE_STACK_URL: stack.url,
    SIGHTLINE_DATA_DIR: dataDirectory,
    SIGHTLINE_METRICS: 'prometheus,statsd,push',
    SIGHTLINE_STATSD_URL: `udp://127.0.0.1:${statsd.address().port}`,
    // What would hide the probe, or belongs to the service alone.
    OTEL_TRACES_SAMPLER: 'always_off',
    SIGHTLINE_LOG_LEVEL: 'fatal',
    SIGHTLINE_IGNORE_PATHS: '/*',
    SIGHTLINE_ADMIN_PORT: '9470',
  });
  assert.deepEqual([code, ok, texts('probe', 'failed'), texts('backend', 'failed')], [0, true, '', '']);
  assert.match(texts('configuration', 'ok'), /service: shop in development, after the package\.json here/);
  assert.match(texts('configuration', 'ok'), /logs: to Elasticsearch at .*, data stream logs-shop-development/);
  assert.match(texts('backend', 'ok'), /logs: Elasticsearch at .*: Elasticsearch answers/);
  assert.match(texts('backend', 'ok'), /spans: Zipkin at .*: Zipkin answers/);
  const probe = texts('probe', 'ok');
  const [, id = ''] = /request: observed under ID (doctor-[0-9a-f]{12}), which the answer repeats/.exec(probe) ?? [];
  for (const hop of [
    /metrics: the request is counted on \/metrics/,
    /logs: 2 log lines accepted, and appended to a journal/,
    /logs: 2 acknowledged by Elasticsearch/,
    /logs: 2 found there again under the ID/,
    /spans: 2 spans accepted/,
    /spans: 2 acknowledged by Zipkin/,
    /spans: 2 found there again/,
    /statsd: \d+ packets sent to StatsD/,
    /pushes: \d+ pages sent to Pushgateway/,
  ]) {
    assert.match(probe, hop);
  }
  const view = await fetch(`${stack.url}/api/sightline/correlation/${id}`).then(
    (answer) => answer.json() as Promise<Record<string, any>>,
  );
  assert.deepEqual([view['spans'].length, view['logs'].length, view['services']], [2, 2, ['shop']]);
  assert.deepEqual(readdirSync(dataDirectory), [], 'the journal of the probe was elsewhere');
  assert.ok(diagnoses.every(({ status, fix }) => status !== 'failed' || fix !== undefined));
});

test('real Elasticsearch and Zipkin: found there again', {
  skip: available('elasticsearch', 'zipkin'),
}, async (t) => {
  const [elasticsearch, zipkin] = await Promise.all([startElasticsearch(), startZipkin()]);
  t.after(() => Promise.all([elasticsearch.stop(), zipkin.stop()]));
  const { code, texts } = await doctor({
    SIGHTLINE_ELASTICSEARCH_URL: elasticsearch.url,
    OTEL_EXPORTER_ZIPKIN_ENDPOINT: `${zipkin.url}/api/v2/spans`,
  });
  assert.equal(code, 0, texts('probe') + texts('backend'));
  assert.match(
    texts('probe', 'ok'),
    /logs: 2 acknowledged by Elasticsearch .*\nlogs: 2 found there again under the ID/,
  );
  assert.match(texts('probe', 'ok'), /spans: 2 acknowledged by Zipkin .*\nspans: 2 found there again under the ID/);
});

test('mistakes in options: all of them, coded, exit 1, and no probe', async () => {
  const { code, failed, diagnoses, texts } = await doctor({
    SIGHTLINE_ADMIN_PORT: '99999',
    SIGHTLINE_JOURNAL_MAX: 'much',
    SIGHTLINE_ELASTICSEARCH_API_KEY: '',
  });
  assert.deepEqual([code, failed], [1, 2]);
  assert.match(texts('configuration', 'failed'), /SIGHTLINE_ADMIN_PORT: got "99999", wanted a port/);
  assert.match(texts('configuration', 'failed'), /SIGHTLINE_JOURNAL_MAX: got "much"/);
  assert.deepEqual(
    diagnoses.filter(({ status }) => status === 'failed').map(({ code }) => code),
    ['SIGHTLINE_E_OPTION', 'SIGHTLINE_E_OPTION'],
  );
  assert.equal(texts('probe'), '');
});

test('a backend that refuses the record, one that is down: why and what to do; secrets in no line', async () => {
  await using receiver = await startReceiver();
  receiver.outage(faults.partial(1, 400), { path: /_bulk/ });
  receiver.outage(faults.unavailable(), { path: /spans/ });
  const environment = {
    SIGHTLINE_ELASTICSEARCH_URL: receiver.elasticsearchUrl.replace('//', '//user:CANARY-1@'),
    OTEL_EXPORTER_ZIPKIN_ENDPOINT: `${receiver.zipkinUrl}?token=CANARY-2`,
  };
  const file = join(temporaryDirectory('doctor'), 'service.env');
  writeFileSync(
    file,
    Object.entries(environment)
      .map(([name, value]) => `${name}="${value}"\n`)
      .join(''),
  );
  const result = await doctor({}, '--env-file', file);
  const { code, texts, diagnoses } = result;
  assert.equal(code, 1);
  assert.match(texts('probe', 'failed'), /logs: Elasticsearch at .* refused 2 of them: the field "a" /);
  const refused = diagnoses.find(({ text }) => text.includes('refused'));
  assert.deepEqual([refused?.code, refused?.fix?.endsWith('sightline dlq retry')], ['SIGHTLINE_E_BACKEND', true]);
  assert.match(texts('probe', 'failed'), /spans: 2 of 2 are not delivered to Zipkin at .*: HTTP 503/);
  assert.doesNotMatch(JSON.stringify(result), /CANARY/);
});

test('a running service with its ledger, what is on disk, dead letters', async (t) => {
  const receiver = await startReceiver();
  const dataDirectory = temporaryDirectory('doctor');
  const project = createProject({
    name: 'orders',
    type: 'module',
    files: {
      'app.js':
        "import { createServer } from 'node:http';\nimport { log } from 'sightline';\ncreateServer(() => {}).listen(0, '127.0.0.1', () => log.info('started'));\n",
    },
  });
  const env = { SIGHTLINE_DATA_DIR: dataDirectory };
  const service = startObserved({ receiver, cwd: project, args: ['app.js'], env });
  t.after(async () => {
    await service.stop();
    await receiver.close();
  });
  await announcedAdmin(dataDirectory);
  await receiver.until('the line', () => receiver.documents[0]);
  const [directory = ''] = readdirSync(join(dataDirectory, 'journal'));
  const now = new Date().toISOString();
  appendLetters(join(dataDirectory, 'journal', directory), [
    {
      last: now,
      first: now,
      accepted: now,
      attempts: 1,
      signal: 'logs',
      id: 'a-1',
      service: 'orders',
      destination: 'http://es',
      fingerprint: 'f'.repeat(32),
      status: 400,
      reason: 'r',
      fix: 'f',
      response: '',
      record: '{}',
    },
  ]);
  mkdirSync(join(dataDirectory, 'journal', directory, 'released~0123456789abcdef'), { mode: 0o700 });
  const { texts, warnings } = await doctor({ ...env, SIGHTLINE_LOGS: 'none', OTEL_TRACES_EXPORTER: 'none' });
  const said = texts('process');
  assert.match(said, /^orders: 127\.0\.0\.1:\d+: runs, health (pass|warn)$/m);
  assert.match(
    said,
    /^orders: 127\.0\.0\.1:\d+: logs: 1 accepted = 1 delivered \+ 0 on disk \+ 0 dead letters; courier healthy$/m,
  );
  assert.match(said, /^orders: journal of process \d+, \d+ KB$/m);
  assert.match(said, /^orders: 1 dead letters: records that a backend has refused for good$/m);
  assert.ok(warnings >= 1);
});

test('a data directory that cannot be used; an environment file that is not there', async () => {
  const directory = temporaryDirectory('doctor');
  writeFileSync(join(directory, 'journal'), 'no directory');
  const { code, texts } = await doctor({
    SIGHTLINE_DATA_DIR: directory,
    SIGHTLINE_LOGS: 'none',
    OTEL_TRACES_EXPORTER: 'none',
  });
  assert.equal(code, 1);
  assert.match(texts('data', 'failed'), /journal is a link or a file/);
  // Node itself refuses a file that is not there, whoever the option was meant for.
  const unreadable = await sightline(['doctor', `--env-file=${directory}`]);
  assert.ok(unreadable.code === 2 || unreadable.code === 9, unreadable.stderr);
});

test('for people: one line each, what to do below it, and a line while it takes long', async () => {
  await using receiver = await startReceiver();
  receiver.outage(faults.slow(3000));
  const { code, stdout, stderr } = await sightline(['doctor'], {
    env: { ...receiver.environment, SIGHTLINE_DATA_DIR: temporaryDirectory('doctor'), OTEL_TRACES_EXPORTER: 'otlp' },
    cwd: createProject({ name: 'shop', files: {} }),
  });
  // The receiver has no search: what it has acknowledged is not found again.
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /^ok {4}configuration service: shop in development/m);
  assert.match(stdout, /^ok {4}probe logs: 2 acknowledged by Elasticsearch/m);
  assert.match(stdout, /^warn {2}probe logs: it cannot be searched \(HTTP 404\)$/m);
  assert.match(stdout, /^warn .*\n {6}→ /m);
  assert.match(stdout, /^0 failed, \d+ warnings$/m);
  assert.match(stderr, /^… (asking the backends|sending a probe of each signal)/m);
});
