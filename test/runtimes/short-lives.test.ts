/** Programs that end at once: scripts, cron jobs, functions. What is accepted is delivered or on disk, and they end as without us. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { type Ended, runChild, startChild } from '../support/child.ts';
import { NODE_OLDEST, NODE_OWN } from '../support/nodes.ts';
import { createProject } from '../support/project.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { eventually } from '../support/wait.ts';
import { ONE_LINE } from './serving.ts';

const LINES = 300;

const JOB = `
import pino from 'pino';
import { trace } from '@opentelemetry/api';
const logger = pino({ base: undefined, timestamp: false }, { write() {} });
const [way] = process.argv.slice(2);
trace.getTracer('job').startActiveSpan('nightly', (span) => {
  for (let n = 0; n < ${LINES}; n += 1) logger.info({ n }, 'row');
  span.end();
});
console.log('done');
if (way === 'exit') process.exit(5);
if (way === 'throw') throw new Error('of the job');
if (way === 'reject') Promise.reject(new Error('of the job'));
if (way === 'kill') process.kill(process.pid, 'SIGKILL');
if (way === 'code') process.exitCode = 6;
`;

/** A function as a platform calls it: once, then the process is frozen, and perhaps never thawed. */
const FUNCTION = `
import pino from 'pino';
import { correlation, observe } from 'sightline';
const observation = observe();
const logger = pino({ base: undefined, timestamp: false }, { write() {} });
export async function handler(event) {
  return await correlation.run(event.id, async () => {
    logger.info({ event: event.id }, 'called');
    await observation.flush();
    return 'ok';
  });
}
console.log(await handler({ id: 'call-1' }));
// What a platform keeps alive between two calls.
setInterval(() => {}, 1000);
`;

let receiver: Receiver;
before(async () => {
  receiver = await startReceiver();
});
after(() => receiver.close());

const rowsOf = (service: string): number[] =>
  receiver.documents
    .filter((document) => document['service.name'] === service && document['message'] === 'row')
    .map((document) => Number(document['n']))
    .sort((a, b) => a - b);

const spansOf = (service: string): Set<string> =>
  new Set(
    receiver.spans
      .filter((span) => span.localEndpoint?.serviceName === service && span.name === 'nightly')
      .map(({ id }) => id),
  );

const everyRow = Array.from({ length: LINES }, (_, n) => n);

for (const node of [NODE_OLDEST, NODE_OWN]) {
  suite(`a job, Node ${node.version}`, { skip: node.missing }, () => {
    const project = (name: string) =>
      createProject({ name, type: 'module', packages: ['pino', '@opentelemetry/api'], files: { 'job.js': JOB } });

    function run(cwd: string, way: string, env: NodeJS.ProcessEnv | undefined): Promise<Ended> {
      return runChild({ node, cwd, args: [...(env === undefined ? [] : ONE_LINE), 'job.js', way], env: env ?? {} });
    }

    /** Starts the service again, until all that an earlier process has left on disk is there. */
    async function restart(cwd: string, env: NodeJS.ProcessEnv, arrived: () => boolean): Promise<void> {
      if (arrived()) return;
      const child = startChild({ node, cwd, args: [...ONE_LINE, '-e', SERVER], env });
      await eventually('the rest', () => (arrived() ? true : undefined));
      await child.stop();
    }

    for (const way of ['natural', 'code', 'exit', 'throw', 'reject', 'kill']) {
      test(`${way}: ends as without us, every line and span is delivered or on disk`, async () => {
        const service = `job-${way}-${node.version}`;
        const cwd = project(service);
        const env = { ...receiver.environment, SIGHTLINE_DATA_DIR: temporaryDirectory('data') };
        const bare = await run(cwd, way, undefined);
        const observed = await run(cwd, way, env);
        const withoutFrames = (ended: Ended) => ({ ...ended, stderr: ended.stderr.replaceAll(/\n\s+at .*/g, '') });
        assert.deepEqual(withoutFrames(observed), withoutFrames(bare));
        // A span waits for the end of the turn, which SIGKILL does not wait for.
        const spans = way === 'kill' ? 0 : 1;
        await restart(cwd, env, () => rowsOf(service).length >= LINES && spansOf(service).size >= spans);
        assert.deepEqual(rowsOf(service), everyRow, 'each once');
      });
    }

    test('a backend that is down: the job ends at once, and the next start of the service sends all', async () => {
      const service = `job-down-${node.version}`;
      const cwd = project(service);
      const env = { ...receiver.environment, SIGHTLINE_DATA_DIR: temporaryDirectory('data') };
      receiver.fail(/_bulk|spans/, ...Array.from({ length: 100 }, () => ({ status: 503 }) as const));
      const ended = await run(cwd, 'exit', env);
      assert.deepEqual([ended.code, ended.stdout], [5, 'done\n']);
      assert.deepEqual(rowsOf(service), []);
      receiver.heal();
      await restart(cwd, env, () => rowsOf(service).length >= LINES && spansOf(service).size >= 1);
      assert.deepEqual(rowsOf(service), everyRow);
    });

    test('a function that is frozen after its call, and then gone: flush() has delivered all', async () => {
      const service = `function-${node.version}`;
      const cwd = createProject({ name: service, type: 'module', packages: ['pino'], files: { 'app.js': FUNCTION } });
      const env = { ...receiver.environment, SIGHTLINE_DATA_DIR: temporaryDirectory('data') };
      const child = startChild({ node, cwd, args: ['app.js'], env });
      await child.line(/^ok$/m);
      child.kill('SIGSTOP');
      const lines = receiver.documents.filter((document) => document['service.name'] === service);
      assert.deepEqual(
        lines.map((line) => [line['message'], line['correlation.id']]),
        [['called', 'call-1']],
      );
      child.kill('SIGKILL');
      assert.equal((await child.ended).signal, 'SIGKILL');
    });
  });
}

/** A next process of the service that lives until it is stopped. */
const SERVER = "require('node:http').createServer().listen(0, '127.0.0.1');";
