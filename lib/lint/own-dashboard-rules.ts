import { isKnownName } from '../dashboards/names.ts';
import { type DashboardView, objectOf, type PanelView, textOf } from './dashboard-file.ts';
import type { Draft } from './finding.ts';
import { parsePanelQuery, selectorsOf, walk } from './promql.ts';
import { variablesIn } from './variables.ts';

/** Grafana: 1 to 40 characters; shorter ones than 8 are easily those of somebody else. */
const UID = /^[A-Za-z0-9_-]{8,40}$/;
/** Columns of Grafana's grid. */
const COLUMNS = 24;
/** Panels that show no query. */
const WITHOUT_QUERY = ['row', 'text', 'dashlist', 'alertlist', 'news', 'welcome'];
/** What the screens of the local stack are to draw: panels of service dashboards in the wild, without maps and plugins. */
const DRAWN = [
  'timeseries',
  'graph',
  'stat',
  'gauge',
  'bargauge',
  'table',
  'heatmap',
  'piechart',
  'logs',
  'traces',
  'text',
  'row',
];
const TRANSFORMED = ['organize', 'merge', 'renameByRegex', 'seriesToColumns', 'joinByField', 'labelsToFields'];
/** Names that are ours or the runtime's: one of these that nobody emits is a slip. */
const OUR_NAMES = /^(?:sightline_|nodejs_|http_(?:server|client)_(?:request|active))/;
/** Steps that a subquery may evaluate for each point before it is dear. */
const MAX_SUBQUERY_STEPS = 1000;
/** A range beyond reads days of samples for each point. */
const DEAR_RANGE_MILLIS = 86_400_000;

const place = ({ json }: PanelView): Record<'x' | 'y' | 'w' | 'h', number> => {
  const { x, y, w, h } = objectOf(json['gridPos']);
  return { x: Number(x), y: Number(y), w: Number(w), h: Number(h) };
};

function identity({ json, panels }: DashboardView): Draft[] {
  const uid = textOf(json['uid']);
  const ids = panels.map((panel) => panel.json['id']);
  return [
    ...(UID.test(uid)
      ? []
      : [
          {
            code: 'uid',
            where: '',
            path: 'uid',
            message: `uid ${JSON.stringify(uid)}`,
            fix: 'give it 8 to 40 letters, digits, - or _: links need it',
          },
        ]),
    ...panels.flatMap(({ path, title }, at): Draft[] => {
      const id = ids[at];
      const wrong = !Number.isInteger(id) || ids.indexOf(id) !== at;
      return wrong
        ? [
            {
              code: 'panel-id',
              where: title,
              path,
              message: `panel ID ${JSON.stringify(id ?? null)} is no number of its own`,
              fix: 'number the panels',
            },
          ]
        : [];
    }),
    ...panels.flatMap(({ targets, title }) =>
      targets.flatMap(({ refId, path }, at): Draft[] =>
        refId !== '' && targets.findIndex((other) => other.refId === refId) === at
          ? []
          : [
              {
                code: 'ref-id',
                where: title,
                path,
                message: `refId ${JSON.stringify(refId)} is none of its own`,
                fix: 'call the queries A, B, …',
              },
            ],
      ),
    ),
  ];
}

function grid({ panels }: DashboardView): Draft[] {
  const top = panels.filter(({ path }) => path.split('/').length === 2 && path.startsWith('panels/'));
  return top.flatMap((panel, at): Draft[] => {
    const one = place(panel);
    const draft = { code: 'grid', where: panel.title, path: panel.path };
    if (![one.x, one.y, one.w, one.h].every(Number.isFinite) || one.x < 0 || one.x + one.w > COLUMNS)
      return [{ ...draft, message: 'has no place within the 24 columns', fix: 'set gridPos' }];
    const other = top.slice(at + 1).find((candidate) => {
      const { x, y, w, h } = place(candidate);
      return one.x < x + w && x < one.x + one.w && one.y < y + h && y < one.y + one.h;
    });
    return other === undefined
      ? []
      : [{ ...draft, message: `lies over ${JSON.stringify(other.title)}`, fix: 'move one of them' }];
  });
}

function blank({ panels }: DashboardView): Draft[] {
  return panels.flatMap(({ type, targets, title, path, json }): Draft[] => {
    const draft = { code: 'blank-panel', where: title, path };
    if (type === 'text') {
      const empty = textOf(objectOf(json['options'])['content']).trim() === '' && textOf(json['content']).trim() === '';
      return empty ? [{ ...draft, message: 'a text without words', fix: 'write them or take it out' }] : [];
    }
    if (WITHOUT_QUERY.includes(type)) return [];
    const asked = targets.some((target) => target.expr !== '' || !['', 'prometheus', 'loki'].includes(target.source));
    return asked ? [] : [{ ...draft, message: 'no query: it stays blank', fix: 'give it a query or take it out' }];
  });
}

function described({ panels }: DashboardView): Draft[] {
  return panels.flatMap(({ type, title, json, path }): Draft[] =>
    type === 'row' || textOf(json['description']).trim() !== ''
      ? []
      : [
          {
            code: 'panel-description',
            severity: 'warning',
            where: title,
            path,
            message: 'no description',
            fix: 'say what the reader learns from it',
          },
        ],
  );
}

function variables(view: DashboardView): Draft[] {
  const { json } = view;
  const names = view.variables.map(({ name }) => name);
  const builtIn = (name: string): boolean =>
    name.startsWith('__') || /^\d+$/.test(name) || name === 'timeFilter' || name === 'interval';
  const usedIn = (value: unknown): string[] => variablesIn(JSON.stringify(value ?? null));
  const outside = usedIn({ ...json, templating: undefined });
  const drafts = view.variables.flatMap(({ name, path, json: own }): Draft[] => {
    const elsewhere = view.variables.filter((other) => other.name !== name).flatMap(({ json: other }) => usedIn(other));
    const used = outside.includes(name) || elsewhere.includes(name) || own['type'] === 'adhoc' || own['hide'] === 2;
    return used
      ? []
      : [{ code: 'unused-variable', where: name, path, message: 'nothing uses it', fix: 'use it or take it out' }];
  });
  const shares = Array.isArray(json['__inputs'])
    ? json['__inputs'].map((input) => textOf(objectOf(input)['name']))
    : [];
  const missing = new Set(
    usedIn(json).filter((name) => !names.includes(name) && !builtIn(name) && !shares.includes(name)),
  );
  return [
    ...drafts,
    ...[...missing].map(
      (name): Draft => ({
        code: 'undefined-variable',
        where: name,
        path: 'templating',
        message: 'is used and not defined',
        fix: 'define it or correct its name',
      }),
    ),
  ];
}

function drawable({ panels }: DashboardView): Draft[] {
  return panels.flatMap(({ type, title, path, json }): Draft[] => {
    const draft = { code: 'renderer', severity: 'warning' as const, where: title, path };
    if (!DRAWN.includes(type))
      return [
        {
          ...draft,
          message: `panels of type ${JSON.stringify(type)} are drawn by Grafana alone`,
          fix: `use one of ${DRAWN.join(', ')}`,
        },
      ];
    const list = Array.isArray(json['transformations'])
      ? json['transformations'].map((one) => textOf(objectOf(one)['id']))
      : [];
    const other = list.find((id) => !TRANSFORMED.includes(id));
    return other === undefined
      ? []
      : [{ ...draft, message: `the transformation ${other} is Grafana's alone`, fix: 'let the query do it' }];
  });
}

function queries({ panels }: DashboardView): Draft[] {
  return panels.flatMap(({ targets, title }) =>
    targets.flatMap(({ expr, refId, path }): Draft[] => {
      const draft = { where: `${title} ${refId}`, path: `${path}/expr` };
      try {
        const expression = parsePanelQuery(expr);
        const selectors = selectorsOf(expression);
        const dear = walk(expression).some(
          ({ node }) =>
            (node.type === 'subquery' && node.range / (node.step || 60_000) > MAX_SUBQUERY_STEPS) ||
            // What a rule has recorded is few series, made to be read over days.
            (node.type === 'matrixSelector' &&
              !node.selector.name.includes(':') &&
              node.range > DEAR_RANGE_MILLIS &&
              node.range < DEAR_RANGE_MILLIS * 60),
        );
        return [
          ...selectors
            .filter(({ name }) => OUR_NAMES.test(name) && !isKnownName(name))
            .map(({ name }) => ({
              ...draft,
              code: 'metric-name',
              message: `nobody emits ${name}`,
              fix: 'take a name of docs/metrics.md',
            })),
          ...selectors
            .filter(
              ({ name, matchers }) =>
                name === '' && matchers.every(({ operator, value }) => operator !== '=' || value === ''),
            )
            .map(() => ({
              ...draft,
              code: 'query-cost',
              severity: 'warning' as const,
              message: 'a selector without a name reads every series',
              fix: 'name the metric',
            })),
          ...(dear
            ? [
                {
                  ...draft,
                  code: 'query-cost',
                  severity: 'warning' as const,
                  message: 'reads days of samples for each point',
                  fix: 'record it by a rule',
                },
              ]
            : []),
        ];
      } catch {
        // Of target-promql-rule.
        return [];
      }
    }),
  );
}

/** What Sightline wants of a dashboard besides. */
export const OWN_RULES: readonly ((dashboard: DashboardView) => Draft[])[] = [
  identity,
  grid,
  blank,
  described,
  variables,
  drawable,
  queries,
];
