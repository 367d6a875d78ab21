/**
 * Apps with their own pino, every version line that is promised, against a receiver. Each child runs all cases of
 * `test/fixtures/logs/cases.cjs`, once without and once with the one line.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { npmFixture } from '../backends/npm.ts';
import { type Ended, runChild, startChild } from '../support/child.ts';
import { NODE_NEWEST, NODE_OLDEST, NODE_OWN, type NodeRuntime } from '../support/nodes.ts';
import { createProject, fixture } from '../support/project.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { deliverRest } from '../support/rest.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';

const ONE_LINE = ['--import', 'sightline/register'];
type Document = Record<string, any>;

interface Row {
  readonly pino: string;
  readonly node: NodeRuntime;
  readonly app: 'app.cjs' | 'app.mjs';
}

/** Folders of `npm-fixtures.txt`; `own` is the one that this package depends on. */
const PINOS = ['pino-8.0', 'pino-8', 'pino-9.0', 'pino-9.9', 'pino-9', 'own'] as const;
const ROWS: readonly Row[] = [
  ...PINOS.flatMap((pino): Row[] => [
    { pino, node: NODE_OLDEST, app: 'app.cjs' },
    { pino, node: NODE_OWN, app: 'app.mjs' },
  ]),
  { pino: 'own', node: NODE_OLDEST, app: 'app.mjs' },
  { pino: 'own', node: NODE_NEWEST, app: 'app.cjs' },
  { pino: 'pino-8', node: NODE_NEWEST, app: 'app.mjs' },
];

function missing({ pino, node }: Row): string | undefined {
  return node.missing ?? (pino === 'own' ? undefined : npmFixture(pino).missing);
}

function project(pino: string): string {
  const files = ['app.cjs', 'app.mjs', 'cases.cjs'].map((file) => [file, fixture(`logs/${file}`)]);
  const linked: Record<string, string> =
    pino === 'own' ? {} : { pino: join(npmFixture(pino).directory, 'node_modules', 'pino') };
  return createProject({
    name: 'logging-app',
    files: Object.fromEntries(files),
    packages: pino === 'own' ? ['pino'] : [],
    linked,
  });
}

/** Times and process IDs differ between two runs, and when a destination writes is its own affair. */
function stable(output: string): string[] {
  return output
    .replaceAll(/"(time|pid)":\d+/g, '"$1":0')
    .replaceAll(/"time":"[^"]+"/g, '"time":""')
    .replaceAll(/\\n +at [^"]*/g, '')
    .split('\n')
    .sort();
}

/** Lines that the app has written: beside those on standard output one in the file, one by the worker, two by the worker with two targets. */
function linesOf({ stdout }: Ended): number {
  return stdout.split('\n').filter((line) => line.startsWith('{') || line.startsWith('app caught')).length + 4;
}

const messages = (documents: readonly Document[]) => documents.map((document) => document['message']);

for (const row of ROWS) {
  describe(`${row.pino}, ${row.app}, Node ${row.node.version}`, { skip: missing(row) }, () => {
    let receiver: Receiver;
    let bare: Ended;
    let observed: Ended;
    let files: string;
    before(async () => {
      receiver = await startReceiver();
      const cwd = project(row.pino);
      const plain = temporaryDirectory('plain');
      files = temporaryDirectory('observed');
      const env = {
        ...receiver.environment,
        SIGHTLINE_DATA_DIR: temporaryDirectory('data'),
        OTEL_SERVICE_NAME: 'logging-app',
      };
      [bare, observed] = await Promise.all([
        runChild({ node: row.node, cwd, args: [row.app, plain] }),
        runChild({ node: row.node, cwd, env, args: [...ONE_LINE, row.app, files] }),
      ]);
      await deliverRest(receiver, linesOf(observed), { node: row.node, cwd, env });
    });
    after(() => receiver.close());

    /** The one document of a case. */
    function of(name: string): Document {
      const found = receiver.documents.filter(
        (document) => document['case'] === name || document['payload']?.case === name,
      );
      assert.equal(found.length, 1, `${name}: ${found.length} documents`);
      return found[0] as Document;
    }

    test('output and end are those of the app without the line', () => {
      assert.deepEqual([observed.code, observed.signal], [bare.code, bare.signal]);
      assert.deepEqual(stable(observed.stdout), stable(bare.stdout));
      // Node warns of the many loggers, each with a listener for the exit, and counts them.
      assert.equal(observed.stderr.replaceAll(/\d+/g, '0'), bare.stderr.replaceAll(/\d+/g, '0'));
      assert.equal(observed.code, 0);
      const lines = ['file.log', 'worker.log', 'all.log', 'errors.log'].map(
        (file) => readFileSync(join(files, file), 'utf8').split('\n').length - 1,
      );
      assert.deepEqual(lines, [1, 1, 2, 1]);
    });

    test('a script that logs and ends: every line arrives once', () => {
      assert.equal(receiver.documents.length, linesOf(observed));
      assert.equal(receiver.conflicts(), 0);
    });

    test('names, levels, children, messages', () => {
      const plain = of('plain');
      assert.equal(plain['message'], 'order 17 placed');
      assert.equal(plain['log.level'], 'info');
      assert.equal(plain['log.logger'], 'app');
      assert.equal(plain['orderId'], 17);
      assert.deepEqual(plain['nested'], { a: [{ b: 2 }, null] });
      for (const name of ['level', 'time', 'pid', 'hostname', 'msg']) assert.ok(!(name in plain), name);
      assert.equal(of('debug')['log.level'], 'debug');
      assert.equal(
        receiver.documents.some((document) => document['case'] === 'trace'),
        false,
      );
      assert.deepEqual(
        [of('child')['module'], of('child')['table'], of('child')['log.level']],
        ['db', 'orders', 'warn'],
      );
      assert.equal(of('no message')['message'], '');
      assert.equal(messages(receiver.documents).filter((message) => message === 'text alone').length, 1);
      assert.equal(of('fatal')['log.level'], 'fatal');
      assert.equal(of('custom level')['log.level'], 'notice');
      assert.equal(of('only custom levels')['log.level'], 'hot');
      for (const name of ['file', 'transport', 'multistream', 'targets', 'targets error', 'crlf'])
        assert.equal(of(name)['message'], 'm');
    });

    test('errors', () => {
      const error = of('error');
      assert.equal(error['error.type'], 'TypeError');
      assert.match(error['error.message'], /^no order/);
      assert.match(error['error.stack_trace'], /TypeError: no order[\s\S]*no row/);
      assert.equal(error['error.code'], 'E_ORDER');
      assert.match(error['message'], /^no order/);
      assert.equal(of('error under another key')['error.type'], 'RangeError');
      assert.match(of('error under another key')['error.stack_trace'], /too far/);
      const itself = receiver.documents.find((document) => document['error.message'] === 'logged itself');
      assert.equal(itself?.['error.type'], 'SyntaxError');
      assert.equal(itself?.['message'], 'logged itself');
      assert.equal(of('nested')['error.message'], 'within');
      assert.equal(of('errorKey')['error.message'], 'keyed');
      assert.equal(of('hostile error')['error.message'], 'm');
    });

    test('nothing that an app logs can pass for a field of ours', () => {
      const forged = of('forged');
      const now = Date.now();
      assert.ok(Math.abs(Date.parse(forged['@timestamp']) - now) < 600_000);
      assert.equal(forged['log.level'], 'info');
      assert.equal(forged['message'], 'true');
      assert.equal(forged['service.name'], 'logging-app');
      assert.equal(forged['trace.id'], undefined);
      assert.equal(forged['log.logger'], undefined);
      assert.equal(forged['process.pid'], of('plain')['process.pid']);
      assert.deepEqual(
        [forged['level'], forged['time'], forged['pid'], forged['hostname'], forged['name']],
        [60, 0, 1, 'evil', 'evil'],
      );
      assert.equal(forged['app.trace.id'], 'evil');
      assert.equal(forged['app.message'], 'evil');
      assert.equal(forged['app.@timestamp'], 'x');
      assert.deepEqual(forged['app.service'], { name: 'evil' });
      assert.equal(forged['app._id'], 'evil');
      const message = of('forged message');
      assert.deepEqual([message['message'], message['app.msg']], ['of the call', 'of the object']);
    });

    test('settings of the app', () => {
      const near = (name: string) =>
        assert.ok(Math.abs(Date.parse(of(name)['@timestamp']) - Date.now()) < 600_000, name);
      for (const name of ['isoTime', 'unixTime', 'no time', 'base null']) near(name);
      assert.equal(of('own time')['@timestamp'], '2001-02-03T04:05:06.007Z');
      assert.deepEqual([of('own base')['app.app'], of('own base')['pid']], ['shop', 5]);
      const formatted = of('formatters');
      assert.deepEqual(
        [
          formatted['log.level'],
          formatted['severity'],
          formatted['message'],
          formatted['node'],
          formatted['formatted'],
        ],
        ['warn', 'WARN', 'm', 'x', true],
      );
      assert.deepEqual([of('mixin')['mixed'], of('mixin')['message']], [true, row.pino === 'pino-8.0' ? 'm' : '[p] m']);
      assert.equal(of('redact')['card'], '[Redacted]');
      assert.equal(of('redact')['error.message'], undefined);
      assert.deepEqual(of('serializer')['user'], { id: 1 });
    });

    test('hostile objects lose no line', () => {
      for (const name of ['circular', 'bigint', 'nested getter', 'deep', 'names', 'prototype within']) of(name);
      assert.deepEqual(of('names')['d'], { _: 4 });
      assert.equal(of('names')['a__b'], 2);
      const getter = receiver.documents.find((document) => document['message'] === 'with a getter that throws');
      assert.equal(getter?.['app.unserialisable'], true);
      const long = of('long');
      assert.deepEqual([long['app.truncated'], long['short'], long['text']], [true, 'kept', undefined]);
    });

    test('no secret arrives', () => {
      const all = JSON.stringify(receiver.documents);
      assert.doesNotMatch(all, /canary/);
      assert.match(observed.stdout, /canary-3/, 'the own output of the app is left as it is');
    });

    test('each document is ECS', () => {
      for (const document of receiver.documents) {
        assert.match(document['@timestamp'], /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
        assert.equal(typeof document['log.level'], 'string');
        assert.equal(typeof document['message'], 'string');
        assert.equal(document['service.name'], 'logging-app');
        assert.equal(document['service.version'], '1.2.3');
        assert.equal(document['event.dataset'], document['data_stream.dataset']);
      }
    });
  });
}

describe('SIGHTLINE_LOGS=stdout', () => {
  for (const pino of ['pino-8', 'pino-9', 'own']) {
    const row: Row = { pino, node: NODE_OWN, app: pino === 'pino-9' ? 'app.mjs' : 'app.cjs' };
    test(`${pino}: the lines themselves are ECS, to transports too, and nothing is shipped`, {
      skip: missing(row),
    }, async () => {
      const receiver = await startReceiver();
      const files = temporaryDirectory('files');
      const ended = await runChild({
        node: row.node,
        cwd: project(pino),
        env: { ...receiver.environment, SIGHTLINE_DATA_DIR: temporaryDirectory('data'), SIGHTLINE_LOGS: 'stdout' },
        args: [...ONE_LINE, row.app, files],
      });
      await receiver.close();
      assert.equal(ended.code, 0, ended.stderr);
      assert.equal(receiver.documents.length, 0);
      const read = (text: string): Document[] =>
        text
          .split('\n')
          .filter((line) => line.startsWith('{'))
          .map((line) => JSON.parse(line));
      const lines = read(ended.stdout);
      assert.ok(lines.length > 30);
      for (const line of lines) {
        assert.match(line['@timestamp'], /Z$/);
        assert.equal(line['service.name'], 'logging-app');
        assert.equal(line['ecs.version'], '8.17.0');
      }
      assert.match(ended.stdout, /"case":"crlf"\}\r\n/, 'line ends stay');
      assert.doesNotMatch(ended.stdout, /canary/);
      const file = (name: string) =>
        read(readFileSync(join(files, name), 'utf8')).map((line) => [line['case'], line['log.level']]);
      assert.deepEqual(file('worker.log'), [['transport', 'info']]);
      assert.deepEqual(file('file.log'), [['file', 'info']]);
      assert.deepEqual(file('all.log'), [
        ['targets', 'info'],
        ['targets error', 'error'],
      ]);
      assert.deepEqual(file('errors.log'), [['targets error', 'error']]);
    });
  }
});

describe('a burst with process.exit behind it', () => {
  const LINES = 20_000;
  const BURST = `const log = require('pino')(); for (let n = 0; n < ${LINES}; n += 1) log.info({ n }, 'burst'); process.exit(3);`;
  for (const node of [NODE_OLDEST, NODE_OWN]) {
    test(`Node ${node.version}: delivered at once or by the next start, each line once`, {
      skip: node.missing,
    }, async () => {
      const receiver = await startReceiver();
      try {
        const cwd = createProject({
          name: 'burst',
          packages: ['pino'],
          files: {
            'burst.cjs': BURST,
            'next.cjs': "require('pino')().info({ n: -1 }, 'burst'); setInterval(() => {}, 1000);",
          },
        });
        const env = { ...receiver.environment, SIGHTLINE_DATA_DIR: temporaryDirectory('data') };
        const first = await runChild({ node, cwd, env, args: [...ONE_LINE, 'burst.cjs'] });
        assert.equal(first.code, 3);
        assert.equal(first.stderr, '');
        assert.equal(first.stdout.split('\n').length - 1, LINES);
        const second = startChild({ node, cwd, env, args: [...ONE_LINE, 'next.cjs'] });
        await eventually(`${LINES + 1} lines`, () => (receiver.documents.length > LINES ? true : undefined));
        await second.stop();
        const numbers = receiver.documents.map((document) => document['n'] as number);
        assert.equal(numbers.length, LINES + 1);
        assert.equal(new Set(numbers).size, LINES + 1);
      } finally {
        await receiver.close();
      }
    });
  }
});
