import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { COMMANDS } from '../../lib/cli/program.ts';
import { didYouMean } from '../../lib/cli/usage.ts';
import { sightline } from './command-line.ts';

test('wrong usage: exit 2, one coded line that says what to do, nothing on stdout', async () => {
  const table: [string[], RegExp][] = [
    [
      [],
      /got no command, wanted one of up, run, demo, find, lint, doctor, dlq, dashboards, deploy, version; see sightline --help$/,
    ],
    [['upp'], /got unknown command "upp", .*; did you mean up\?/],
    [['fnid', 'x'], /did you mean find\?/],
    [
      ['frobnicate'],
      /wanted one of up, run, demo, find, lint, doctor, dlq, dashboards, deploy, version; see sightline --help$/,
    ],
    [['up', '--prot', '1'], /got unknown option --prot, .*; did you mean --port\?; see sightline up --help/],
    [['up', '--data', 'x'], /did you mean --data-dir\?/],
    [['up', '--port'], /got --port without a value, wanted --port PORT/],
    [['up', '--port', '--memory'], /got --port without a value/],
    [['up', '--memory=yes'], /got a value for --memory, wanted none/],
    [['up', 'extra'], /got 1 arguments, wanted 0/],
    [['up', '--', 'x'], /got 1 arguments, wanted 0/],
    [['find'], /got 0 arguments, wanted 1/],
    [['find', 'a', 'b'], /got 2 arguments, wanted 1/],
    [['run'], /got no program, wanted sightline run -- CMD/],
    [['run', 'node', 'x.js'], /got 2 arguments, wanted 0/],
    [['version', '-x'], /got unknown option -x/],
    [
      [
        'up',
        '--port',
        '65536',
        '--retention',
        'soon',
        '--max-disk',
        '1mb',
        '--scrape',
        'x',
        '--config',
        '/none',
        '--memory',
        '--data-dir',
        'x',
      ],
      /--port: got "65536".*--retention: got "soon".*--max-disk: got "1mb".*--scrape: got "x".*--config: got \/none.*--memory: got --data-dir as well/,
    ],
  ];
  await Promise.all(
    table.map(async ([parameters, stderr]) => {
      const ended = await sightline(parameters);
      assert.equal(ended.code, 2, `${parameters.join(' ')}: ${ended.stderr}`);
      assert.match(ended.stderr.trimEnd(), /^SIGHTLINE_E_USAGE: got|^SIGHTLINE_E_USAGE: --/);
      assert.match(ended.stderr.trimEnd(), stderr);
      assert.equal(ended.stderr.trimEnd().split('\n').length, 1);
      assert.equal(ended.stdout, '');
    }),
  );
});

test('every command has --help on stdout and exits 0', async () => {
  const whole = await sightline(['--help']);
  assert.equal(whole.code, 0);
  for (const { name } of COMMANDS) {
    assert.match(whole.stdout, new RegExp(`^  ${name} `, 'm'));
    const ended = await sightline([name, '--help']);
    assert.deepEqual([ended.code, ended.stderr], [0, ''], name);
    assert.match(ended.stdout, new RegExp(`Usage: sightline ${name}`));
    assert.match(ended.stdout, /--json/);
  }
});

test('--json: version as JSON, and an error as JSON beside its line', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  const ended = await sightline(['version', '--json']);
  assert.deepEqual([ended.code, JSON.parse(ended.stdout).sightline], [0, version]);
  assert.match(
    (await sightline(['--version'])).stdout,
    new RegExp(`^sightline ${version.replaceAll('.', '\\.')} \\(Node `),
  );
  const failed = await sightline(['find', 'x', '--json'], { env: { SIGHTLINE_STACK_URL: 'http://127.0.0.1:9' } });
  assert.equal(failed.code, 1);
  assert.equal(JSON.parse(failed.stdout).error.code, 'SIGHTLINE_E_STACK_UNREACHABLE');
  assert.match(
    failed.stderr,
    /^SIGHTLINE_E_STACK_UNREACHABLE: got no answer from http:\/\/127\.0\.0\.1:9, .*sightline up/,
  );
});

test('a wrong SIGHTLINE_STACK_URL is said, not tried', async () => {
  const ended = await sightline(['find', 'x'], { env: { SIGHTLINE_STACK_URL: 'localhost:4380' } });
  assert.equal(ended.code, 1);
  assert.match(ended.stderr, /^SIGHTLINE_E_OPTION: SIGHTLINE_STACK_URL: got "localhost:4380", wanted a URL/);
});

test('suggestions are near, or none', () => {
  assert.equal(didYouMean('prot', ['port', 'host']), '; did you mean port?');
  assert.equal(didYouMean('x', ['port', 'host']), '');
  assert.equal(didYouMean('retntion', ['retention']), '; did you mean retention?');
  assert.equal(didYouMean('', ['up']), '');
});

test('an older Node gets one line that says what to do', () => {
  // The same file with another version said to be running: what must not happen is that anything newer is loaded.
  const source = readFileSync(new URL('../../lib/cli/main.ts', import.meta.url), 'utf8').replaceAll(
    'process.versions.node',
    "'20.11.0'",
  );
  const directory = mkdtempSync(join(tmpdir(), 'sightline-old-'));
  try {
    const file = join(directory, 'main.mts');
    writeFileSync(file, source);
    const ended = spawnSync(process.execPath, [file, 'up'], { encoding: 'utf8' });
    assert.equal(ended.status, 1);
    assert.match(
      ended.stderr,
      /^SIGHTLINE_E_RUNTIME: got Node 20\.11\.0, wanted 22\.16 or newer; install a newer Node.*\n$/,
    );
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  assert.ok(fileURLToPath(import.meta.url));
});
