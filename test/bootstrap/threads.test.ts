/** Worker threads of the app that ask to be observed, and the admin ports of child processes. That the one line leaves all others alone is in processes.test.ts. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { startChild } from '../support/child.ts';
import { send } from '../support/load.ts';
import { NODES, type NodeRuntime } from '../support/nodes.ts';
import { freePort } from '../support/ports.ts';
import { createProject, fixture } from '../support/project.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';
import { type NextHop, startNextHop } from '../support-matrix/next-hop.ts';

let receiver: Receiver;
let next: NextHop;
before(async () => {
  [receiver, next] = await Promise.all([startReceiver(), startNextHop()]);
});
after(async () => {
  next.close();
  await receiver.close();
});

function start(node: NodeRuntime, dataDirectory: string) {
  return startChild({
    node,
    cwd: createProject({ name: 'orders', packages: ['pino'], files: { 'app.mjs': fixture('threads/app.mjs') } }),
    args: ['--import', 'sightline/register', 'app.mjs'],
    env: { ...receiver.environment, SIGHTLINE_DATA_DIR: dataDirectory, NEXT: next.http },
  });
}

const linesOf = (id: string) =>
  receiver.documents.filter((line) => line['correlation.id'] === id).map((line) => String(line['message']));
const spansOf = (id: string) => receiver.spans.filter((span) => span.tags?.['correlation.id'] === id);

for (const node of NODES) {
  suite(`worker threads that call observe(), Node ${node.version}`, { skip: node.missing }, () => {
    test('lines, spans and what they send on carry the ID they were given; one admin port in all', async () => {
      const id = `thread-${node.version}`;
      const dataDirectory = temporaryDirectory('data');
      const child = start(node, dataDirectory);
      const [, port] = await child.line(/listening (\d+)/);
      const answer = await send(`http://127.0.0.1:${port}/`, { headers: { 'x-correlation-id': id } });
      assert.deepEqual(JSON.parse(answer.body), { admin: null });
      await eventually('lines and spans', () =>
        linesOf(id).length === 4 && spansOf(id).length === 4 ? true : undefined,
      );
      const access = (message: string) => message.replace(/ \d+ms$/, '');
      assert.deepEqual(linesOf(id).map(access).sort(), ['GET / 200', 'GET /inside 200', 'worked', 'worked, too']);
      const kinds = spansOf(id).map(({ kind }) => kind);
      assert.deepEqual(kinds.sort(), ['CLIENT', 'CLIENT', 'SERVER', 'SERVER']);
      assert.equal(next.headersOf(id).length, 1);
      await eventually('the admin port', () =>
        readdirSync(join(dataDirectory, 'targets')).length > 0 ? true : undefined,
      );
      assert.equal(readdirSync(join(dataDirectory, 'targets')).length, 1);
      const ended = await child.stop();
      assert.deepEqual([ended.code, ended.stderr], [0, '']);
    });

    test('what a thread had accepted when it was terminated is sent by the next process', async () => {
      const id = `terminated-${node.version}`;
      const dataDirectory = temporaryDirectory('data');
      receiver.fail(/_bulk/, ...Array.from({ length: 1000 }, () => ({ status: 503 })));
      const first = start(node, dataDirectory);
      const [, port] = await first.line(/listening (\d+)/);
      await send(`http://127.0.0.1:${port}/terminated`, { headers: { 'x-correlation-id': id } });
      assert.equal((await first.stop()).code, 0);
      receiver.heal();
      const second = start(node, dataDirectory);
      const [, again] = await second.line(/listening (\d+)/);
      await send(`http://127.0.0.1:${again}/`);
      await eventually('the last words', () => (linesOf(id).includes('worked, too') ? true : undefined));
      assert.deepEqual(
        linesOf(id)
          .filter((line) => line.startsWith('worked'))
          .sort(),
        ['worked', 'worked, too'],
      );
      await second.stop();
    });
  });
}

const FAMILY = `
const { fork } = require('node:child_process');
const { createServer } = require('node:http');
const server = createServer((request, response) => response.end());
server.listen(0, '127.0.0.1', () => {
  if (process.send !== undefined) return process.send('listening');
  fork(__filename).once('message', () => console.log('both listen'));
});
process.once('disconnect', () => process.exit());
`;

suite('admin ports of a service and its child process', () => {
  for (const given of ['a number', '0']) {
    test(`SIGHTLINE_ADMIN_PORT is ${given}`, async () => {
      const dataDirectory = temporaryDirectory('data');
      const child = startChild({
        cwd: createProject({ name: 'orders', files: { 'app.cjs': FAMILY } }),
        args: ['app.cjs'],
        env: {
          ...receiver.environment,
          NODE_OPTIONS: '--import=sightline/register',
          SIGHTLINE_ADMIN_PORT: given === '0' ? '0' : String(await freePort()),
          SIGHTLINE_DATA_DIR: dataDirectory,
        },
      });
      await child.line(/both listen/);
      const targets = () => readdirSync(join(dataDirectory, 'targets')).length;
      if (given === '0') {
        await eventually('two admin ports', () => (targets() === 2 ? true : undefined));
      } else {
        await eventually('the child to say so', () =>
          /SIGHTLINE_E_PORT_TAKEN/.test(child.stderr()) ? true : undefined,
        );
        assert.equal(targets(), 1);
      }
      await child.stop();
    });
  }
});
