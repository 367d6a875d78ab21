import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { available, backendPath } from '../backends/directory.ts';
import { startElasticsearch } from '../backends/elasticsearch.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const deploy = join(root, 'deploy');

function onPath(command: string): string | false {
  return spawnSync('bash', ['-c', `command -v ${command}`]).status === 0
    ? false
    : `${command} is missing; npm run backends`;
}

function composition(...files: readonly string[]): any {
  const text = execFileSync(
    'docker-compose',
    ['--profile', 'logs', ...files.flatMap((file) => ['-f', file]), 'config'],
    { cwd: root, encoding: 'utf8', env: { ...process.env, HOME: '/home/someone' }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  return parseComposition(text);
}

/** The services, their ports and volumes, of what `docker-compose config` prints. */
function parseComposition(text: string): any {
  const python = 'import json,sys,yaml; print(json.dumps(yaml.safe_load(sys.stdin)))';
  return JSON.parse(execFileSync('/usr/bin/python3', ['-c', python], { input: text, encoding: 'utf8' }));
}

suite('docker-compose.yml', { skip: onPath('docker-compose') }, () => {
  test('is read, with every profile', () => {
    const { services } = composition('docker-compose.yml');
    assert.deepEqual(Object.keys(services).sort(), [
      'alertmanager',
      'elasticsearch',
      'grafana',
      'kibana',
      'kibana-setup',
      'logstash',
      'prometheus',
      'secrets',
      'setup',
      'statsd-exporter',
      'zipkin',
    ]);
  });

  test('every port is on the loopback, every image has a version, every part a bound on its memory', () => {
    const { services } = composition('docker-compose.yml');
    for (const [name, service] of Object.entries<any>(services)) {
      for (const port of service.ports ?? []) assert.match(String(port), /^127\.0\.0\.1:/, `${name} ${port}`);
      assert.match(service.image, /:[^:]*\d/, name);
      assert.ok(service.mem_limit, name);
    }
  });

  test('what it mounts is there', () => {
    const { services } = composition('docker-compose.yml');
    for (const [name, service] of Object.entries<any>(services)) {
      for (const volume of service.volumes ?? []) {
        const [source] = String(volume).split(':');
        if (source?.startsWith(root.slice(0, -1))) assert.ok(statSync(source), `${name} ${source}`);
      }
    }
  });

  test('no password is in it', () => {
    const text = readFileSync(join(root, 'docker-compose.yml'), 'utf8');
    for (const line of text.split('\n')) {
      const value = /(?:PASSWORD|SECRET|TOKEN|API_KEY)\w*\s*[:=]\s*(\S.*)$/.exec(line)?.[1];
      if (value !== undefined) assert.match(value, /\/secrets\//, line);
    }
  });
});

test('the scripts of the set-up are correct shell', () => {
  for (const file of ['secrets/secrets.sh', 'setup/setup.sh', 'kibana/import.sh'])
    execFileSync('bash', ['-n', join(deploy, 'compose', file)]);
});

test('passwords are made once, and are for their reader alone', {
  skip: process.getuid?.() !== 0 && 'needs root',
}, () => {
  const directory = temporaryDirectory('secrets');
  const script = readFileSync(join(deploy, 'compose/secrets/secrets.sh'), 'utf8').replaceAll('/secrets', directory);
  const run = (): string => execFileSync('sh', { input: script, encoding: 'utf8' });
  const files = ['elasticsearch/elastic', 'grafana/admin', 'grafana/reader', 'kibana/password', 'zipkin/password'];
  assert.equal(run().trim().split('\n').length, files.length);
  const passwords = files.map((file) => readFileSync(join(directory, file), 'utf8'));
  assert.equal(new Set(passwords).size, files.length);
  for (const password of passwords) assert.match(password, /^[\w-]{32}$/);
  for (const file of files) assert.equal(statSync(join(directory, file)).mode & 0o777, 0o400);
  assert.equal(run(), '');
  assert.deepEqual(
    files.map((file) => readFileSync(join(directory, file), 'utf8')),
    passwords,
  );
});

test('Prometheus reads its configurations, with the rules', { skip: available('promtool') }, () => {
  // Where the container has them.
  const directory = temporaryDirectory('prometheus');
  cpSync(join(deploy, 'compose/prometheus'), directory, { recursive: true });
  cpSync(join(root, 'dashboards/json/rules'), join(directory, 'rules'), { recursive: true });
  mkdirSync(join(directory, 'targets'));
  for (const name of readdirSync(directory).filter((file) => file.endsWith('.yml'))) {
    const file = join(directory, name);
    const text = readFileSync(file, 'utf8')
      .replaceAll('/etc/prometheus', directory)
      .replaceAll('/targets/', `${directory}/targets/`);
    writeFileSync(file, text);
    const checked = execFileSync(backendPath('promtool'), ['check', 'config', file], { encoding: 'utf8' });
    assert.match(checked, /2 rule files found/);
    assert.match(checked, /is valid prometheus config file syntax/);
  }
});

test('Alertmanager reads its configuration, and sends pages and tickets apart', { skip: onPath('amtool') }, () => {
  const file = join(deploy, 'compose/alertmanager/alertmanager.yml');
  assert.match(execFileSync('amtool', ['check-config', file], { encoding: 'utf8' }), /SUCCESS/);
});

test('Elasticsearch takes the templates', { skip: available('elasticsearch') }, async (t) => {
  const elasticsearch = await startElasticsearch();
  t.after(() => elasticsearch.stop());
  for (const name of ['logs@custom', 'logs@custom-ilm']) {
    const text = readFileSync(join(deploy, `elasticsearch/${name}.json`), 'utf8').replace('@RETENTION@', '30d');
    const template = JSON.parse(text);
    // This distribution has no index lifecycle management, and refuses its settings.
    for (const setting of Object.keys(template.template.settings))
      if (setting.startsWith('index.lifecycle')) delete template.template.settings[setting];
    const answer = await elasticsearch.request('PUT', `/_component_template/${name}`, template);
    assert.deepEqual(answer, { acknowledged: true });
  }
});
