/** The dashboards themselves: what Grafana wants of them, and that they ask only for what somebody gives. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DEFAULT_CONFIG, dashboards, shared } from '../../lib/dashboards/index.ts';
import { FOREIGN_NAMES, isKnownName } from '../../lib/dashboards/names.ts';
import { recordingRules } from '../../lib/dashboards/rules/recording.ts';
import { variablesIn } from '../../lib/lint/variables.ts';
import { DASHBOARDS, metricsIn, panelQueries } from './queries.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const RECORDED = recordingRules(DEFAULT_CONFIG.objectives)
  .flatMap(({ rules }) => rules)
  .map((rule) => ('record' in rule ? rule.record : ''));

test('every metric that a panel or a variable asks for is emitted by somebody', () => {
  let seen = 0;
  for (const { target, path } of panelQueries()) {
    if (typeof target['expr'] !== 'string') continue;
    for (const metric of metricsIn(target['expr'])) {
      seen += 1;
      assert.ok(isKnownName(metric) || RECORDED.includes(metric), `${path}: ${metric}`);
    }
  }
  for (const { uid, templating } of DASHBOARDS) {
    for (const { type, definition } of templating.list) {
      if (type !== 'query') continue;
      const metric = /^label_values\(([\w:]+)/.exec(String(definition))?.[1] ?? '';
      assert.ok(isKnownName(metric) || RECORDED.includes(metric), `${uid}: ${definition}`);
      seen += 1;
    }
  }
  assert.ok(seen > 150, String(seen));
  assert.equal(new Set(FOREIGN_NAMES).size, FOREIGN_NAMES.length);
  assert.ok(!isKnownName('http_server_requests_seconds'));
});

suite('each dashboard', () => {
  for (const dashboard of DASHBOARDS) {
    const { uid, panels, templating, links } = dashboard;
    test(uid, () => {
      assert.match(uid, /^[a-z0-9-]{8,40}$/);
      const ids = panels.map(({ id }) => id);
      assert.equal(new Set(ids).size, ids.length, 'panel IDs are unique');
      for (const { title, type, targets, description } of panels) {
        const refIds = (targets ?? []).map(({ refId }) => refId);
        assert.equal(new Set(refIds).size, refIds.length, `${title}: refIds are unique`);
        assert.ok(title !== '');
        if (type !== 'row') assert.match(description ?? '', /\S/, title);
      }
      for (const [at, one] of panels.entries()) {
        const { x, y, w, h } = one.gridPos;
        assert.ok(x >= 0 && w > 0 && h > 0 && x + w <= 24, `${one.title} is within the grid`);
        for (const other of panels.slice(at + 1)) {
          const place = other.gridPos;
          const apart = x + w <= place.x || place.x + place.w <= x || y + h <= place.y || place.y + place.h <= y;
          assert.ok(apart, `${one.title} and ${other.title} do not overlap`);
        }
      }
      const defined = templating.list.map(({ name }) => name);
      const text = JSON.stringify({ ...dashboard, templating: undefined });
      const used = variablesIn(
        text + JSON.stringify(templating.list.map(({ definition, datasource }) => [definition, datasource])),
      );
      for (const name of defined) assert.ok(used.includes(name), `variable ${name} is used`);
      for (const name of used.filter((name) => !name.startsWith('__') && !/^\d+$/.test(name)))
        assert.ok(defined.includes(name), `variable ${name} is defined`);
      assert.equal(links.length, 1);
    });
  }
});

test('links lead to dashboards that exist and set variables that they have', () => {
  const found = [...JSON.stringify(DASHBOARDS).matchAll(/"url":"(\/d\/[^"]+)"/g)].map(([, url]) => url ?? '');
  assert.ok(found.length >= 6);
  for (const url of found) {
    const [, uid, parameters = ''] = /^\/d\/([a-z-]+)\?(.*)$/.exec(url) ?? [];
    const target = DASHBOARDS.find((dashboard) => dashboard.uid === uid);
    assert.ok(target, url);
    assert.match(parameters, /^\$\{__url_time_range\}/, 'the time range goes along');
    for (const [, name] of parameters.matchAll(/&var-(\w+)=/g))
      assert.ok(
        target.templating.list.some((variable) => variable.name === name),
        url,
      );
  }
});

test('another configuration reaches every place', () => {
  const config = {
    ...DEFAULT_CONFIG,
    uidPrefix: 'acme-shop',
    tags: ['acme'],
    objectives: { ...DEFAULT_CONFIG.objectives, availability: 0.99, latencySeconds: 1 },
  };
  const all = dashboards(config);
  assert.ok(all.every(({ uid, tags }) => uid.startsWith('acme-shop-') && tags[0] === 'acme'));
  assert.ok(!/\/d\/sightline-/.test(JSON.stringify(all)));
  const slo = JSON.stringify(all.find(({ uid }) => uid === 'acme-shop-slo'));
  assert.match(slo, /99 % of requests without 5xx/);
  assert.match(slo, /within 1 s/);
});

test('the shared build asks for each data source once and is otherwise the same', () => {
  for (const dashboard of DASHBOARDS) {
    const { __inputs: inputs, __requires: requires, ...rest } = shared(dashboard);
    const sources = dashboard.templating.list.filter(({ type }) => type === 'datasource');
    assert.deepEqual(
      inputs.map(({ pluginId }) => pluginId),
      sources.map(({ query }) => query),
    );
    for (const { name } of inputs) assert.ok(JSON.stringify(rest.templating).includes(`\${${name}}`), name);
    assert.ok(requires.some(({ type, id }) => type === 'grafana' && id === 'grafana'));
    for (const { type } of dashboard.panels)
      if (type !== 'row')
        assert.ok(
          requires.some((row) => row['type'] === 'panel' && row['id'] === type),
          type,
        );
    assert.deepEqual({ ...rest, templating: undefined }, { ...dashboard, templating: undefined });
    assert.ok(!JSON.stringify(dashboard).includes('__inputs'));
  }
});

test('the package exports the functions and each file', async () => {
  const resolved = (specifier: string): string => fileURLToPath(import.meta.resolve(specifier));
  assert.equal(resolved('sightline/dashboards'), `${root}dist/dashboards/index.js`);
  for (const dashboard of DASHBOARDS) {
    for (const folder of ['', 'share/']) {
      const file = JSON.parse(readFileSync(resolved(`sightline/dashboards/${folder}${dashboard.uid}.json`), 'utf8'));
      assert.equal(file.uid, dashboard.uid);
      assert.deepEqual(file.panels, JSON.parse(JSON.stringify(dashboard.panels)));
    }
  }
});
