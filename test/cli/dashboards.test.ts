/** `sightline dashboards` and `sightline deploy`, against a scripted Grafana that answers as the HTTP API does. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { runningStack } from '../stack/running-stack.ts';
import { freePort } from '../support/ports.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { sightline } from './command-line.ts';

const TOKEN = 'glsa_of_this_test';

interface Stored {
  dashboard: Record<string, any>;
  folderUid: string;
}

interface ScriptedGrafana {
  readonly url: string;
  readonly stored: Map<string, Stored>;
  readonly folders: Map<string, string>;
  readonly annotations: any[];
  /** `METHOD path` of each request. */
  readonly requests: string[];
  /** Changes a dashboard between being looked at and being written. */
  onLooked: (uid: string) => void;
}

/** Dashboards, folders and annotations of Grafana's HTTP API: statuses and bodies as its documentation has them. */
async function startGrafana(t: TestContext): Promise<ScriptedGrafana> {
  const grafana: ScriptedGrafana = {
    url: '',
    stored: new Map(),
    folders: new Map(),
    annotations: [],
    requests: [],
    onLooked: () => undefined,
  };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const reply = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    const [path = ''] = (request.url ?? '').split('?');
    grafana.requests.push(`${request.method} ${path}`);
    if (request.headers.authorization !== `Bearer ${TOKEN}`) return reply(401, { message: 'Unauthorized' });
    const body = chunks.length === 0 ? undefined : JSON.parse(Buffer.concat(chunks).toString());
    const [, kind, uid = ''] = /^\/api\/(dashboards\/uid|folders)\/(.+)$/.exec(path) ?? [];
    if (request.method === 'GET' && kind === 'dashboards/uid') {
      const found = grafana.stored.get(uid);
      if (found === undefined) return reply(404, { message: 'Dashboard not found', status: 'not-found' });
      reply(200, { dashboard: found.dashboard, meta: { folderUid: found.folderUid } });
      return grafana.onLooked(uid);
    }
    if (request.method === 'GET' && kind === 'folders')
      return grafana.folders.has(uid) ? reply(200, { uid }) : reply(404, { message: 'folder not found' });
    if (path === '/api/folders') {
      grafana.folders.set(body.uid, body.title);
      return reply(200, { uid: body.uid });
    }
    if (path === '/api/dashboards/db') {
      const { dashboard, folderUid = '', overwrite } = body;
      const there = grafana.stored.get(dashboard.uid);
      if (there !== undefined && overwrite !== true && there.dashboard['version'] !== dashboard.version)
        return reply(412, { message: 'The dashboard has been changed by someone else', status: 'version-mismatch' });
      const version = (there?.dashboard['version'] ?? 0) + 1;
      grafana.stored.set(dashboard.uid, { dashboard: { ...dashboard, id: 7, version }, folderUid });
      return reply(200, { status: 'success', uid: dashboard.uid, version });
    }
    if (path === '/api/annotations') {
      grafana.annotations.push(body);
      return reply(200, { id: 1, message: 'Annotation added' });
    }
    reply(404, { message: 'Not found' });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return Object.assign(grafana, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

const env = { SIGHTLINE_GRAFANA_TOKEN: TOKEN };
const actions = (stdout: string): Record<string, string> =>
  Object.fromEntries(JSON.parse(stdout).dashboards.map(({ uid, action }: Record<string, string>) => [uid, action]));

test('list and export: both builds, the rules, and links of ones own', async () => {
  const { stdout } = await sightline(['dashboards', 'list']);
  assert.equal(stdout.trimEnd().split('\n').length, 12);
  assert.match(stdout, /^sightline-services +Services: /m);
  const [plain, share] = [temporaryDirectory('export'), temporaryDirectory('export')];
  const exported = await sightline([
    'dashboards',
    'export',
    plain,
    '--prefix',
    'shop',
    '--runbooks',
    'https://shop.example/runbooks/',
  ]);
  assert.equal(exported.code, 0);
  assert.equal(readdirSync(plain).filter((name) => /^shop-.*\.json$/.test(name)).length, 12);
  assert.match(
    readFileSync(join(plain, 'rules/alerts.yml'), 'utf8'),
    /"https:\/\/shop\.example\/runbooks\/TargetDown\.md"/,
  );
  assert.match(readFileSync(join(plain, 'rules/alerts.yml'), 'utf8'), /\/d\/shop-services\?/);
  assert.equal((await sightline(['dashboards', 'export', share, '--share'])).code, 0);
  assert.ok(JSON.parse(readFileSync(join(share, 'sightline-logs.json'), 'utf8')).__inputs.length === 2);
  assert.equal(
    (
      await sightline([
        'lint',
        'dashboards',
        ...readdirSync(plain)
          .filter((name) => name.endsWith('.json'))
          .map((name) => join(plain, name)),
      ])
    ).code,
    0,
  );
  const file = join(plain, 'file');
  writeFileSync(file, '');
  const refused = await sightline(['dashboards', 'export', file]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /^SIGHTLINE_E_EXPORT: got E/);
});

test('push: creates with its folder, skips what is the same, replaces ours, keeps what is somebody else’s', async (t) => {
  const grafana = await startGrafana(t);
  const run = (...more: string[]) => sightline(['dashboards', 'push', grafana.url, '--json', ...more], { env });

  const dry = await run('--dry-run');
  assert.equal(dry.code, 0);
  assert.ok(Object.values(actions(dry.stdout)).every((action) => action === 'create'));
  assert.ok(
    grafana.requests.every((request) => request.startsWith('GET ')),
    'a dry run writes nothing',
  );

  assert.equal((await run('--folder', 'My Services')).code, 0);
  assert.equal(grafana.stored.size, 12);
  assert.deepEqual([...grafana.folders], [['my-services', 'My Services']]);
  assert.ok(
    [...grafana.stored.values()].every(
      ({ folderUid, dashboard }) => folderUid === 'my-services' && !('__inputs' in dashboard),
    ),
  );

  grafana.requests.length = 0;
  const again = await run();
  assert.ok(Object.values(actions(again.stdout)).every((action) => action === 'unchanged'));
  assert.ok(
    grafana.requests.every((request) => request.startsWith('GET ')),
    'nothing is written twice',
  );

  const slo = grafana.stored.get('sightline-slo');
  const logs = grafana.stored.get('sightline-logs');
  assert.ok(slo && logs);
  slo.dashboard['title'] = 'Older';
  slo.folderUid = 'moved-by-somebody';
  logs.dashboard['title'] = 'Theirs';
  logs.dashboard['tags'] = [];
  const planned = await sightline(['dashboards', 'push', grafana.url, '--dry-run'], { env });
  assert.equal(planned.code, 1);
  assert.match(planned.stdout, /^would replace sightline-slo\n {2}title: "Older" → "Objectives and error budget"$/m);
  assert.match(planned.stdout, /^would keep sightline-logs \(.*somebody else's.*\)$/m);
  const third = await run();
  assert.deepEqual(
    [third.code, actions(third.stdout)['sightline-slo'], actions(third.stdout)['sightline-logs']],
    [1, 'replace', 'kept'],
  );
  assert.equal(grafana.stored.get('sightline-slo')?.folderUid, 'moved-by-somebody', 'it stays where it was');
  assert.equal(grafana.stored.get('sightline-logs')?.dashboard['title'], 'Theirs');
  const none = await run('--overwrite', 'none');
  assert.deepEqual([none.code, actions(none.stdout)['sightline-logs']], [0, 'kept']);
  const all = await run('--overwrite', 'all');
  assert.deepEqual([all.code, actions(all.stdout)['sightline-logs']], [0, 'replace']);
  assert.equal(grafana.stored.get('sightline-logs')?.dashboard['title'], 'Logs');
});

test('push: what is changed meanwhile is not lost; refusals and addresses say what to do', async (t) => {
  const grafana = await startGrafana(t);
  await sightline(['dashboards', 'push', grafana.url], { env });
  const slo = grafana.stored.get('sightline-slo');
  assert.ok(slo);
  slo.dashboard['title'] = 'Older';
  grafana.onLooked = (uid) => {
    if (uid === 'sightline-slo') slo.dashboard['version'] += 1;
  };
  const changed = await sightline(['dashboards', 'push', grafana.url], { env });
  assert.equal(changed.code, 1);
  assert.match(
    changed.stderr,
    /^SIGHTLINE_E_GRAFANA: got The dashboard has been changed by someone else for sightline-slo, .*run again/,
  );
  assert.equal(grafana.stored.get('sightline-slo')?.dashboard['title'], 'Older');

  const cases: [string[], Record<string, string>, number, RegExp][] = [
    [
      ['push', grafana.url],
      { SIGHTLINE_GRAFANA_TOKEN: '' },
      1,
      /E_GRAFANA: got HTTP 401 from GET .*: Unauthorized, .*SIGHTLINE_GRAFANA_TOKEN/,
    ],
    [['push', `http://127.0.0.1:${await freePort()}`], env, 1, /E_GRAFANA: got ECONNREFUSED/],
    [['push', 'localhost'], env, 2, /wanted the address of Grafana/],
    [['push'], env, 2, /got no address/],
    [['push', grafana.url, '--overwrite', 'our'], env, 2, /did you mean ours\?/],
    [['pusch', grafana.url], env, 2, /did you mean push\?/],
    [['list', '--prefix', 'A B'], env, 2, /--prefix/],
  ];
  for (const [parameters, given, code, stderr] of cases) {
    const ended = await sightline(['dashboards', ...parameters], { env: given });
    assert.equal(ended.code, code, ended.stderr);
    assert.match(ended.stderr, stderr);
    assert.ok(!ended.stderr.includes(TOKEN));
  }
});

test('deploy: the marker in the local stack, the next takes its place; an annotation in Grafana', async (t) => {
  const grafana = await startGrafana(t);
  await using stack = await runningStack();
  const deploy = (...parameters: string[]) =>
    sightline(['deploy', ...parameters], {
      env: { ...env, SIGHTLINE_STACK_URL: stack.url, SIGHTLINE_ENVIRONMENT: 'prod', OTEL_SERVICE_NAME: undefined },
    });
  const first = await deploy('--service', 'shop', '--version', '1.2.3', '--at', '2026-01-31T12:00:00Z');
  assert.deepEqual([first.code, first.stdout], [0, 'shop 1.2.3 in prod, 2026-01-31T12:00:00.000Z\n']);
  const second = await deploy('--service', 'a/b', '--version', '2"x\\', '--grafana', grafana.url, '--json');
  assert.equal(second.code, 0, second.stderr);
  assert.equal(JSON.parse(second.stdout).service, 'a/b');
  assert.deepEqual(grafana.annotations[0].tags, ['deployment', 'a/b', 'prod']);
  const query = encodeURIComponent('max by (service, version, environment) (sightline_deployment_timestamp_seconds)');
  const { data } = (await (await fetch(`${stack.url}/prometheus/api/v1/query?query=${query}`)).json()) as any;
  const found = Object.fromEntries(
    data.result.map(({ metric, value }: any) => [metric.service, [metric.version, metric.environment, value[1]]]),
  );
  assert.deepEqual(found['shop'], ['1.2.3', 'prod', String(Date.parse('2026-01-31T12:00:00Z') / 1000)]);
  assert.deepEqual(found['a/b']?.slice(0, 2), ['2"x\\', 'prod']);

  assert.equal((await deploy('--service', 'shop')).code, 2);
  assert.equal((await deploy('--version', '1')).code, 2);
  assert.equal((await deploy('--service', 'shop', '--version', '1', '--at', 'soon')).code, 2);
  const nobody = await sightline(['deploy', '--service', 'shop', '--version', '1'], {
    env: { SIGHTLINE_METRICS_PUSH_URL: `http://127.0.0.1:${await freePort()}` },
  });
  assert.equal(nobody.code, 1);
  assert.match(nobody.stderr, /^SIGHTLINE_E_DEPLOY: got ECONNREFUSED from http:\/\/127\.0\.0\.1:\d+, /);
});
