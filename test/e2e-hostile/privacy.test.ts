/** docs/privacy.md is true: every piece of data that it names is sent through an app, and found where it says and nowhere else. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { type Findings, findingsOf, PRIVACY_FIELDS, type PrivacyField } from '../../scripts/docs/privacy-fields.ts';
import { announcedAdmin } from '../support/announced.ts';
import { startChild } from '../support/child.ts';
import { send } from '../support/load.ts';
import { createProject, fixture } from '../support/project.ts';
import { startReceiver } from '../support/receiver.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';

/** A value of its own for each: lower case letters alone, which every protocol leaves as they are. */
function canaryOf(name: string): string {
  // The whole of 127/8 is the loopback.
  return name === 'clientAddress' ? '127.0.0.77' : `canary${name.toLowerCase()}zq`;
}
const canary = Object.fromEntries(Object.keys(PRIVACY_FIELDS).map((name) => [name, canaryOf(name)]));

/** Paths of an object below which a value holds the text: the first names, which is what a field is called. */
function fieldsWith(object: object, text: string): string[] {
  return Object.entries(object).flatMap(([name, value]) => (JSON.stringify(value).includes(text) ? [name] : []));
}

function filesBelow(directory: string): string {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => `${path}\n${readFileSync(path, 'latin1')}`)
    .join('\n');
}

const sorted = (names: Iterable<string>): string[] => [...new Set(names)].sort();

async function exchange(env: NodeJS.ProcessEnv) {
  const receiver = await startReceiver();
  const headers: Record<string, unknown>[] = [];
  const next = createServer((request, response) => {
    headers.push(request.headers);
    response.end();
  });
  await new Promise<void>((resolve) => next.listen(0, '127.0.0.1', resolve));
  const dataDirectory = temporaryDirectory('data');
  const file = `${canary['sourceFile']}.mjs`;
  const child = startChild({
    cwd: createProject({
      name: 'private-service',
      packages: ['express', 'pino', '@opentelemetry/api'],
      files: { [file]: fixture('privacy/app.mjs') },
    }),
    args: ['--import', 'sightline/register', file, `--customer=${canary['argument']}`],
    env: {
      ...receiver.environment,
      SIGHTLINE_DATA_DIR: dataDirectory,
      SIGHTLINE_METRICS: 'prometheus,statsd',
      SIGHTLINE_HOST: canary['hostName'],
      CUSTOMER: canary['environment'],
      CANARIES: JSON.stringify(canary),
      NEXT: `http://127.0.0.1:${(next.address() as { port: number }).port}`,
      ...env,
    },
  });
  return { receiver, headers, next, dataDirectory, child };
}
type Exchange = Awaited<ReturnType<typeof exchange>>;

async function sendAll({ child }: Exchange): Promise<void> {
  const [, port] = await child.line(/listening (\d+)/);
  const c = canary as Record<string, string>;
  const common = { host: `${c['host']}.example`, 'x-correlation-id': c['correlationId'] ?? '' };
  const options = { localAddress: c['clientAddress'] };
  await send(`http://127.0.0.1:${port}/users/${c['path']}?page=${c['query']}&token=${c['querySecret']}`, {
    ...options,
    method: 'POST',
    headers: {
      ...common,
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      tracestate: `vendor=${c['traceState']}`,
      baggage: `customer=${c['baggage']}`,
      'user-agent': c['userAgent'],
      'x-forwarded-for': c['forwardedFor'],
      'x-customer': c['header'],
      cookie: `theme=${c['cookie']}`,
      authorization: `Basic ${c['basicAuth']}`,
      referer: `http://${c['referer']}.example/`,
      'content-type': 'text/plain',
    },
    body: c['body'] ?? '',
  });
  await send(`http://127.0.0.1:${port}/fail`, { ...options, headers: common });
}

/** Two server spans and the call of one. */
const SPANS = 3;
/** Two access lines, two of the app, one of the error. */
const LINES = 5;

/** What an exchange has left everywhere, once it is over. */
interface Traces {
  readonly found: (text: string) => Findings;
  readonly onDisk: string;
  readonly metrics: string;
  readonly health: string;
  readonly diagnostics: string;
}

/** Sends everything through an app, while the backends fail at first, so that everything is on the disk for a while. */
async function observe(env: NodeJS.ProcessEnv): Promise<Traces> {
  const all = await exchange(env);
  const { receiver, child, dataDirectory, headers, next } = all;
  try {
    receiver.fail(/spans|_bulk/, ...Array.from({ length: 500 }, () => ({ status: 503 })));
    await sendAll(all);
    const onDisk = await eventually('the last access line in the journal', () => {
      const files = filesBelow(dataDirectory);
      return files.split('"event.type":["access"]').length > 2 ? files : undefined;
    });
    const admin = await announcedAdmin(dataDirectory);
    const accept = 'application/openmetrics-text';
    const metrics = (await send(`${admin}/metrics`, { headers: { accept } })).body;
    const health = (await send(`${admin}/health`)).body;
    receiver.heal();
    await eventually('spans, lines and StatsD', () => {
      const hasMetric = receiver.statsd.some((line) => line.includes(canaryOf('metricLabel')));
      return receiver.spans.length >= SPANS && receiver.documents.length >= LINES && hasMetric ? true : undefined;
    });
    // What Express prints of an error is the app's own.
    const diagnostics = (await child.stop()).stderr.split('\n').filter((line) => line.startsWith('sightline:'));
    const labels = (text: string) =>
      [...metrics.matchAll(new RegExp(`(\\w+)="[^"]*${text}`, 'g'))].map(([, name]) => name!);
    return {
      found: (text) => ({
        spans: sorted(
          receiver.spans.flatMap(({ tags = {}, ...span }) => [...fieldsWith(tags, text), ...fieldsWith(span, text)]),
        ),
        logs: sorted(receiver.documents.flatMap((document) => fieldsWith(document, text))),
        metrics: sorted(labels(text)),
        statsd: receiver.statsd.some((line) => line.includes(text)) ? ['name'] : [],
        next: sorted(headers.flatMap((received) => fieldsWith(received, text))),
      }),
      onDisk,
      metrics,
      health,
      diagnostics: diagnostics.join('\n'),
    };
  } finally {
    child.kill('SIGKILL');
    next.close();
    await receiver.close();
  }
}

const rows = Object.entries<PrivacyField>(PRIVACY_FIELDS);

describe('what is recorded by default', () => {
  let traces: Traces;
  before(async () => {
    traces = await observe({});
  });

  for (const [name, field] of rows) {
    test(`${name}: ${field.what}`, () => {
      const text = canaryOf(name);
      const { spans, logs, metrics, statsd, next } = findingsOf(field);
      const expected = {
        spans: sorted(spans),
        logs: sorted(logs),
        metrics: sorted(metrics),
        statsd,
        next: sorted(next),
      };
      assert.deepEqual(traces.found(text), expected);
      assert.equal(
        traces.onDisk.includes(text),
        spans.length + logs.length > 0,
        'in the journal until it is delivered',
      );
      assert.equal(traces.metrics.includes(text), metrics.length > 0, 'anywhere on /metrics');
      assert.ok(!traces.health.includes(text), 'on /health');
      assert.ok(!traces.diagnostics.includes(text), 'in our diagnostics');
    });
  }

  test('the files on disk were read', () => {
    assert.ok(traces.onDisk.includes('private-service'));
  });
});

describe('what is switched off', () => {
  let traces: Traces;
  const switches = rows.flatMap(([, { off }]) => (off === undefined ? [] : [off]));
  before(async () => {
    const env: Record<string, string> = {};
    for (const text of switches) {
      const [, name = '', value = ''] = /^(\w+)=(.*)$/.exec(text) ?? [];
      // Lists of fields add up; of the others the last one says enough for all.
      env[name] = name === 'SIGHTLINE_REDACT' && env[name] !== undefined ? `${env[name]},${value}` : value;
    }
    traces = await observe(env);
  });

  for (const [name, field] of rows.filter(([, { off }]) => off !== undefined)) {
    test(`${name}: ${field.off}`, () => {
      const text = canaryOf(name);
      assert.deepEqual(traces.found(text), { spans: [], logs: [], metrics: [], statsd: [], next: [] });
      assert.ok(!traces.onDisk.includes(text), 'on disk');
    });
  }
});

test('the page has every row', () => {
  const page = readFileSync(new URL('../../docs/privacy.md', import.meta.url), 'utf8');
  for (const [, { what }] of rows) assert.ok(page.includes(`| ${what} |`), what);
});
