import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runChild, startChild } from '../support/child.ts';
import { NODE_OWN, NODES, type NodeRuntime } from '../support/nodes.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';
import { ask, rawConnection } from './recorder.ts';

const fixtures = fileURLToPath(new URL('../fixtures/instruments/', import.meta.url));
/** The sources run as they are: 22.16 strips types only when asked to. */
const TYPES = ['--experimental-strip-types', '--no-warnings'];
const LOADER = ['--import', join(fixtures, 'loader.ts')];

function start(node: NodeRuntime, file: string, { observed = true }: { observed?: boolean } = {}) {
  const recordFile = join(temporaryDirectory('record'), 'record.jsonl');
  const child = startChild({
    node,
    args: [...TYPES, ...(observed ? LOADER : []), join(fixtures, file)],
    env: { RECORD: recordFile },
  });
  const lines = (): Record<string, any>[] =>
    existsSync(recordFile)
      ? readFileSync(recordFile, 'utf8')
          .trim()
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line))
      : [];
  return { child, lines };
}

for (const node of NODES) {
  describe(`Node ${node.version}`, { skip: node.missing ?? false }, () => {
    for (const file of ['frameworks.mjs', 'frameworks.cjs']) {
      test(`${file}: routes, errors and IDs of Express, Fastify, Koa and router; nothing printed`, async () => {
        const { child, lines } = start(node, file);
        const [, json] = await child.line(/ports (.*)/);
        const ports = JSON.parse(json) as Record<string, number>;
        for (const [name, port] of Object.entries(ports)) {
          const answer = await ask(port, '/api/users/42', { headers: { 'x-correlation-id': name } });
          assert.equal(answer.body, 'user');
          assert.equal(answer.headers['x-correlation-id'], name);
          assert.equal((await ask(port, '/api/users/42/fail', { headers: { 'x-correlation-id': name } })).status, 500);
        }
        await eventually('all requests', () => (lines().length === 8 ? true : undefined));
        for (const name of Object.keys(ports)) {
          const [fine, failed] = lines().filter((line) => line.id === name);
          assert.equal(fine.name, 'GET /api/users/:id', name);
          assert.equal(failed.name, 'GET /api/users/:id/fail', name);
          assert.deepEqual(failed.exceptions, [name]);
        }
        await child.stop();
        assert.equal(child.stderr(), '');
        assert.equal(child.stdout(), `ports ${json}\n`);
      });
    }

    for (const how of ['sync', 'timer', 'async', 'tick', 'emitter', 'body', 'end']) {
      test(`an uncaught error (${how}) is seen in its request, and printed and exited as without us`, async () => {
        const ends = [];
        for (const observed of [true, false]) {
          const { child, lines } = start(node, 'dies.cjs', { observed });
          const [, port] = await child.line(/port (\d+)/);
          const connection = rawConnection(Number(port));
          connection.write(`POST /${how} HTTP/1.1\r\nHost: h\r\nx-correlation-id: dying\r\nContent-Length: 1\r\n\r\n`);
          await new Promise((resolve) => setTimeout(resolve, 20));
          connection.write('x');
          const { code, stderr } = await child.ended;
          // Where the error came from: the four lines before the stack. The stack itself has our frames.
          ends.push({ code, origin: stderr.split(/^Error: /m)[0] });
          if (observed) assert.deepEqual(lines(), [{ uncaught: how, id: 'dying' }]);
        }
        assert.deepEqual(ends[0], ends[1]);
        assert.match(ends[0].origin, /^\S+:\d+\n/, 'a file and a line');
        assert.equal(ends[0].code, 1);
      });
    }
  });
}

describe('the same tests on the other Nodes', () => {
  for (const node of NODES.filter((one) => one.version !== NODE_OWN.version)) {
    for (const file of [
      'http-server.test.ts',
      'http-server-context.test.ts',
      'http-server-ends.test.ts',
      'http-server-head.test.ts',
      'outbound.test.ts',
      'outbound-ends.test.ts',
      'outbound-fetch.test.ts',
      'frameworks.test.ts',
      'grpc.test.ts',
      'http2-client.test.ts',
      'http2-server.test.ts',
      'http2-server-ends.test.ts',
      'https.test.ts',
      'upgrade.test.ts',
      'module-exports.test.ts',
      'modules.test.ts',
      'more-frameworks.test.ts',
      'small-frameworks.test.ts',
    ]) {
      test(`${file} on ${node.version}`, { skip: node.missing ?? false }, async () => {
        const path = fileURLToPath(new URL(file, import.meta.url));
        const { code, stdout, stderr } = await runChild({
          node,
          args: [...TYPES, '--test', '--test-reporter=spec', path],
        });
        assert.equal(code, 0, stdout.slice(-4000) + stderr);
        assert.match(stdout, /pass [1-9]\d*\n/);
      });
    }
  }
});
