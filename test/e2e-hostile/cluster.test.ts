/** Many processes of one app on one machine, with nothing set: one admin port for all, without noise. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { startChild } from '../support/child.ts';
import { send } from '../support/load.ts';
import { NODE_OLDEST, NODE_OWN } from '../support/nodes.ts';
import { createProject } from '../support/project.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';

const WORKERS = 3;

const CLUSTER_APP = `
import cluster from 'node:cluster';
import { createServer } from 'node:http';
if (cluster.isPrimary) {
  let listening = 0;
  for (let n = 0; n < ${WORKERS}; n += 1) cluster.fork();
  cluster.on('listening', (worker, address) => {
    listening += 1;
    if (listening === ${WORKERS}) console.log('listening', address.port);
  });
  cluster.on('message', () => { for (const worker of Object.values(cluster.workers)) worker.disconnect(); });
} else {
  createServer((request, response) => {
    response.setHeader('connection', 'close');
    response.end(String(process.pid));
    if (request.url === '/stop') process.send('stop');
  }).listen(0, '127.0.0.1');
}
`;

function announced(directory: string): readonly string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(join(directory, name), 'utf8'))[0].targets[0] as string);
}

async function requestCount(target: string): Promise<number> {
  const page = await (await fetch(`http://${target}/metrics`)).text();
  const counts = page.matchAll(/^http_server_request_duration_seconds_count\{.*\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

for (const node of [NODE_OWN, NODE_OLDEST]) {
  suite(`a cluster with default ports, Node ${node.version}`, { skip: node.missing }, () => {
    let receiver: Receiver;
    before(async () => {
      receiver = await startReceiver();
    });
    after(() => receiver.close());

    test('one page has the requests of all, one line at most is said', async () => {
      const dataDirectory = temporaryDirectory('data');
      const { SIGHTLINE_ADMIN_PORT: _asked, ...environment } = receiver.environment;
      const child = startChild({
        node,
        cwd: createProject({ name: 'cluster-service', files: { 'app.mjs': CLUSTER_APP } }),
        args: ['--import', 'sightline/register', 'app.mjs'],
        env: { ...environment, SIGHTLINE_DATA_DIR: dataDirectory },
      });
      const [, port] = await child.line(/listening (\d+)/);
      const url = `http://127.0.0.1:${port}`;
      for (let n = 0; n < 4 * WORKERS; n += 1) await send(`${url}/${n}`);
      await eventually('the requests of all workers on one page', async () => {
        const [target = '', ...more] = announced(join(dataDirectory, 'targets'));
        assert.deepEqual(more, []);
        return (await requestCount(target)) === 4 * WORKERS ? true : undefined;
      });
      await send(`${url}/stop`);
      const ended = await child.ended;
      assert.equal(ended.code, 0);
      const said = ended.stderr.split('\n').filter((line) => line !== '');
      assert.ok(said.length <= 1, ended.stderr);
      for (const line of said) assert.match(line, /^sightline: SIGHTLINE_W_PORT_TAKEN: /);
      const spans = receiver.spans.filter((span) => span.localEndpoint?.serviceName === 'cluster-service');
      assert.equal(new Set(spans.map((span) => span.id)).size, spans.length);
    });
  });
}
