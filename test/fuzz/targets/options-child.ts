/** A real app under the one line with an environment of any content: it runs, and every mistake is a coded line. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { OPTIONS, readOptions } from '../../../lib/bootstrap/options.ts';
import { runChild } from '../../support/child.ts';
import { createProject } from '../../support/project.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import type { FuzzTarget } from '../harness.ts';
import { assertNoCanary } from '../oracles.ts';
import { hostileEnvironment } from './options.ts';

const APP = `const http = require('node:http');
const server = http.createServer((request, response) => response.end('fine'));
server.listen(0, '127.0.0.1', () => {
  http.get({ port: server.address().port, agent: false }, (answer) => {
    answer.resume();
    answer.on('end', () => { console.log('answered', answer.statusCode); server.close(); process.exitCode = 7; });
  });
});
`;

let project: string | undefined;

export const OPTIONS_CHILD: FuzzTarget = {
  name: 'options-child',
  shortCases: 3,
  async run(random) {
    project ??= createProject({ name: 'shop', files: { 'app.cjs': APP } });
    const env: Record<string, string> = {};
    for (const [name, text] of Object.entries(hostileEnvironment(random))) {
      // A variable cannot hold a zero byte; the rest is what a shell or a container hands over.
      env[name] = text.replaceAll('\0', '').toWellFormed();
    }
    // Nobody is to be spoken to, and nothing is to be written elsewhere.
    const directory = temporaryDirectory('options');
    for (const name of Object.keys(env))
      if (/URL|ENDPOINT/.test(name) && random.oneIn(2)) env[name] = 'http://127.0.0.1:9';
    if (env[OPTIONS.dataDir.env] !== undefined)
      env[OPTIONS.dataDir.env] = join(directory, (env[OPTIONS.dataDir.env] ?? '').replaceAll('..', '_'));
    else env[OPTIONS.dataDir.env] = directory;
    if (env[OPTIONS.adminPort.env] === undefined) env[OPTIONS.adminPort.env] = '0';
    const { code, stdout, stderr } = await runChild({
      cwd: project,
      args: ['--import', 'sightline/register', 'app.cjs'],
      env,
    });
    assert.deepEqual([code, stdout.trim()], [7, 'answered 200'], stderr);
    const { given, mistakes } = readOptions({}, env);
    assertNoCanary(stderr, 'standard error');
    assert.doesNotMatch(stderr, /SIGHTLINE_E_INTERNAL|Warning|\n {4}at /);
    const quiet = given.diagLevel === 'none';
    for (const mistake of quiet ? [] : mistakes)
      assert.ok(stderr.includes(`SIGHTLINE_E_OPTION: ${mistake}`), `${mistake} is missing in\n${stderr}`);
    for (const line of stderr.split('\n').filter((text) => text !== ''))
      assert.match(line, /^sightline: (?:SIGHTLINE_[EW]_[A-Z_]+: )?/, line);
    return undefined;
  },
};
