/** Observations that begin after pino was loaded, or for the second time in a process. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { npmFixture } from '../backends/npm.ts';
import { runChild } from '../support/child.ts';
import { NODE_OLDEST } from '../support/nodes.ts';
import { createProject } from '../support/project.ts';
import { startReceiver } from '../support/receiver.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const APP = `
import pino from 'pino';
import { observe } from 'sightline';
const log = pino();
log.info('before');
const first = observe();
log.info('first');
await first.shutdown();
log.info('between');
const second = observe();
log.info('second');
pino({ name: 'new' }).info('of a new logger');
await second.shutdown();
`;

for (const folder of ['pino-8', 'pino-9.9', 'own']) {
  const skip = NODE_OLDEST.missing ?? (folder === 'own' ? undefined : npmFixture(folder).missing);
  for (const logs of ['elasticsearch', 'stdout']) {
    test(`${folder}, SIGHTLINE_LOGS=${logs}: what is written while observed is taken, once`, { skip }, async () => {
      const receiver = await startReceiver();
      try {
        const cwd = createProject({
          name: 'late',
          type: 'module',
          files: { 'app.js': APP },
          packages: folder === 'own' ? ['pino'] : [],
          linked: folder === 'own' ? {} : { pino: join(npmFixture(folder).directory, 'node_modules', 'pino') },
        });
        const env = { ...receiver.environment, SIGHTLINE_DATA_DIR: temporaryDirectory('data'), SIGHTLINE_LOGS: logs };
        const ended = await runChild({ node: NODE_OLDEST, cwd, env, args: ['app.js'] });
        assert.equal(ended.code, 0, ended.stderr);
        const taken = ['first', 'second', 'of a new logger'];
        if (logs === 'elasticsearch') {
          assert.deepEqual(
            receiver.documents.map((document) => document['message']),
            taken,
          );
          assert.doesNotMatch(ended.stdout, /ecs\.version/);
          return;
        }
        assert.equal(receiver.documents.length, 0);
        const ecs = ended.stdout.split('\n').filter((line) => line.includes('"ecs.version"'));
        // Two destinations of pino on one pipe write in the order they like.
        assert.deepEqual(ecs.map((line) => JSON.parse(line).message).sort(), taken.toSorted());
        assert.match(ended.stdout, /"msg":"before"[\s\S]*"msg":"between"/);
      } finally {
        await receiver.close();
      }
    });
  }
}
