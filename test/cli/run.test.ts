import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { withRegister } from '../../lib/core/register-url.ts';
import { runningStack } from '../stack/running-stack.ts';
import { sightline } from './command-line.ts';

const directory = mkdtempSync(join(tmpdir(), 'sightline-run-'));
after(() => rmSync(directory, { recursive: true, force: true }));

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const shell = (script: string) => ['run', '--', '/bin/sh', '-c', script];

test('the program gets the one line and the address; output and exit code are its own', async () => {
  await using stack = await runningStack();
  const ended = await sightline(shell('echo "$NODE_OPTIONS"; echo "$SIGHTLINE_STACK_URL"; exit 7'), {
    env: { SIGHTLINE_STACK_URL: stack.url, NODE_OPTIONS: '--max-old-space-size=512' },
  });
  assert.equal(ended.code, 7);
  const [options, url] = ended.stdout.split('\n');
  assert.match(options!, /^--max-old-space-size=512 --import=file:\/\/\S+\/register\.js$/);
  assert.equal(url, stack.url);
  assert.equal(ended.stderr, `Sightline: ${stack.url}\n`);
});

test('a stack is started when none answers, and ends with the program', async () => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const script = `const response = await fetch(process.env.SIGHTLINE_STACK_URL + '/-/ready'); console.log(response.status)`;
  const ended = await sightline(['run', '--', process.execPath, '--input-type=module', '-e', script], {
    env: { SIGHTLINE_STACK_URL: url, SIGHTLINE_DATA_DIR: directory, OTEL_SDK_DISABLED: 'true' },
  });
  assert.deepEqual([ended.code, ended.stdout], [0, '200\n'], ended.stderr);
  assert.ok(ended.stderr.startsWith(`Sightline: ${url}\n`));
  await assert.rejects(fetch(url));
});

test('signals go to the program, and its way of ending is ours', async () => {
  await using stack = await runningStack();
  const env = { SIGHTLINE_STACK_URL: stack.url };
  const terminate = (stdout: string, _: string, child: { kill(signal: NodeJS.Signals): boolean }) => {
    if (stdout === 'ready\n') child.kill('SIGTERM');
  };
  const handled = await sightline(shell('trap "echo bye; exit 3" TERM; echo ready; while :; do sleep 0.05; done'), {
    env,
    onOutput: terminate,
  });
  assert.deepEqual([handled.code, handled.stdout], [3, 'ready\nbye\n']);
  const unhandled = await sightline(
    ['run', '--', process.execPath, '-e', 'console.log("ready"); setInterval(() => {}, 1000)'],
    { env: { ...env, OTEL_SDK_DISABLED: 'true' }, onOutput: terminate },
  );
  assert.equal(unhandled.code, 143, 'as a shell reports it');
});

test('a program that is not there, and a stack that is not ours to start', async () => {
  await using stack = await runningStack();
  const missing = await sightline(['run', '--', 'no-such-program-here'], { env: { SIGHTLINE_STACK_URL: stack.url } });
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /SIGHTLINE_E_COMMAND: got program "no-such-program-here", which was not found;/);
  const foreign = await sightline(['run', '--', 'true'], { env: { SIGHTLINE_STACK_URL: 'http://192.0.2.1:4380' } });
  assert.equal(foreign.code, 1);
  assert.match(foreign.stderr, /SIGHTLINE_E_STACK_UNREACHABLE: got no answer from http:\/\/192\.0\.2\.1:4380/);
});

test('the one line is added once', () => {
  const once = withRegister('--no-warnings');
  assert.equal(withRegister(once), once);
  assert.match(withRegister(undefined), /^--import=file:/);
});
