import {
  type DashboardView,
  datasourceUid,
  objectOf,
  type PanelView,
  textOf,
  type VariableView,
} from './dashboard-file.ts';
import type { Draft } from './finding.ts';
import { isRateInterval, parsePanelQuery, selectorsOf, walk } from './promql.ts';
import { VALID_UNITS } from './units.ts';

/**
 * The 17 rules of Grafana's dashboard-linter (github.com/grafana/dashboard-linter, docs/rules), by its names and with its
 * limits: which panel types a rule looks at is taken from its source, so that both say the same.
 */
type Rule = (dashboard: DashboardView) => Draft[];

/** Panels that the rules on queries look at. */
const WITH_QUERIES = ['singlestat', 'gauge', 'table', 'stat', 'state-timeline', 'timeseries'];
/** Panels that the rules on titles, targets and units look at. */
const SHOWN = ['stat', 'singlestat', 'graph', 'table', 'timeseries', 'gauge'];
const PLAIN = ['singlestat', 'graph', 'table', 'timeseries'];

const titled = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
const sources = ({ variables }: DashboardView): VariableView[] => variables.filter(({ type }) => type === 'datasource');
/** Most rules are silent unless the first data source variable is one of Prometheus. */
const isPrometheus = (dashboard: DashboardView): boolean => sources(dashboard)[0]?.query === 'prometheus';

function templateDatasource(dashboard: DashboardView): Draft[] {
  const code = 'template-datasource-rule';
  const found = sources(dashboard);
  if (found.length === 0)
    return [
      {
        code,
        where: '',
        path: 'templating',
        message: 'does not have a templated data source',
        fix: 'add a data source variable prometheus_datasource',
      },
    ];
  return found.flatMap(({ name, label, query, path }): Draft[] => {
    const alone = found.length === 1;
    const names = [`${query}_datasource`, ...(alone ? ['datasource'] : [])];
    const labels = [`${titled(query)} data source`, ...(alone ? ['Data source'] : [])];
    return [
      ...(names.includes(name)
        ? []
        : [
            {
              code,
              where: name,
              path: `${path}/name`,
              message: `a data source variable named ${JSON.stringify(name)}`,
              fix: `name it ${names.join(' or ')}`,
            },
          ]),
      ...(labels.includes(label)
        ? []
        : [
            {
              code,
              severity: 'warning' as const,
              where: name,
              path,
              message: `labelled ${JSON.stringify(label)}`,
              fix: `label it ${labels.join(' or ')}`,
            },
          ]),
    ];
  });
}

function templateOf(name: 'job' | 'instance'): Rule {
  const code = `template-${name}-rule`;
  return (dashboard) => {
    if (!isPrometheus(dashboard)) return [];
    const variable = dashboard.variables.find((one) => one.name === name);
    if (variable === undefined)
      return [
        {
          code,
          where: '',
          path: 'templating',
          message: `no variable ${name}`,
          fix: `add a query variable ${name}: label_values(…, ${name})`,
        },
      ];
    const { path, json, type, label } = variable;
    const uid = datasourceUid(json);
    const wrong = (message: string, fix: string, severity?: 'warning'): Draft => ({
      code,
      where: name,
      path,
      message,
      fix,
      ...(severity && { severity }),
    });
    return [
      ...(/^\$\{?(?:prometheus_)?datasource\}?$/.test(uid)
        ? []
        : [wrong(`uses the data source ${JSON.stringify(uid)}`, 'use the variable prometheus_datasource')]),
      ...(type === 'query' ? [] : [wrong(`is of type ${type}`, 'make it a Prometheus query')]),
      ...(label === titled(name)
        ? []
        : [wrong(`is labelled ${JSON.stringify(label)}`, `label it ${titled(name)}`, 'warning')]),
      ...(json['multi'] === true ? [] : [wrong('takes one value only', 'set multi: true')]),
      ...(json['allValue'] === '.+'
        ? []
        : [wrong(`has the allValue ${JSON.stringify(json['allValue'] ?? '')}`, 'set allValue: ".+"')]),
    ];
  };
}

function templateLabelPromql(dashboard: DashboardView): Draft[] {
  if (!isPrometheus(dashboard)) return [];
  return dashboard.variables.flatMap(({ name, type, query, path }): Draft[] => {
    if (type !== 'query') return [];
    const [, call, argument] = /([a-z_]+)\((.+)\)/.exec(query) ?? [];
    const draft = { code: 'template-label-promql-rule', where: name, path: `${path}/query` };
    if (call === undefined || argument === undefined)
      return [
        {
          ...draft,
          message: `cannot read ${JSON.stringify(query)}`,
          fix: 'write label_values(metric, label) or query_result(query)',
        },
      ];
    if (!['label_names', 'label_values', 'metrics', 'query_result'].includes(call))
      return [
        { ...draft, message: `no function ${call}`, fix: 'use label_names, label_values, metrics or query_result' },
      ];
    const wrong = call === 'query_result' ? problemOf(argument) : problemOf(argument.replace(/,\s*\w+\s*$/, ''));
    return wrong === undefined || call === 'metrics' || /^\w+$/.test(argument)
      ? []
      : [{ ...draft, message: wrong, fix: 'correct the selector' }];
  });
}

function problemOf(query: string): string | undefined {
  try {
    parsePanelQuery(query);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function reload({ variables }: DashboardView): Draft[] {
  return variables.flatMap(({ name, type, json, path }): Draft[] =>
    type !== 'query' || json['refresh'] === 2
      ? []
      : [
          {
            code: 'template-on-time-change-reload-rule',
            where: name,
            path,
            message: 'is not read again when the time range changes',
            fix: 'set refresh: 2',
          },
        ],
  );
}

function uneditable({ json }: DashboardView): Draft[] {
  return json['editable'] === true || json['editable'] === undefined
    ? [
        {
          code: 'uneditable-dashboard',
          where: '',
          path: 'editable',
          message: 'can be edited',
          fix: 'set editable: false',
        },
      ]
    : [];
}

function onPanels(types: readonly string[], rule: (panel: PanelView, dashboard: DashboardView) => Draft[]): Rule {
  return (dashboard) =>
    dashboard.panels.filter(({ type }) => types.includes(type)).flatMap((panel) => rule(panel, dashboard));
}

const panelDatasource = onPanels(PLAIN, ({ json, title, path }, dashboard) => {
  const uid = datasourceUid(json);
  return sources(dashboard).some(({ name }) => uid === `$${name}` || uid === `\${${name}}`)
    ? []
    : [
        {
          code: 'panel-datasource-rule',
          where: title,
          path,
          message: `uses the data source ${JSON.stringify(uid)}`,
          fix: 'use a data source variable',
        },
      ];
});

const panelTitle = onPanels(SHOWN, ({ json, title, path }) =>
  title !== '' && textOf(json['description']) !== ''
    ? []
    : [
        {
          code: 'panel-title-description-rule',
          where: title,
          path,
          message: `no ${title === '' ? 'title' : 'description'}`,
          fix: 'say what the reader learns from it',
        },
      ],
);

const panelTargets = onPanels(SHOWN, ({ json, title, path }) =>
  Array.isArray(json['targets'])
    ? []
    : [{ code: 'panel-no-targets-rule', where: title, path, message: 'no targets', fix: 'give it a query' }],
);

const panelUnits = onPanels(SHOWN, ({ json, title, path }) => {
  const { defaults, overrides } = objectOf(json['fieldConfig']);
  const properties = (Array.isArray(overrides) ? overrides : []).flatMap((override) => {
    const list = objectOf(override)['properties'];
    return Array.isArray(list) ? list.map(objectOf) : [];
  });
  const reduced = objectOf(objectOf(json['options'])['reduceOptions'])['fields'];
  const mapped =
    objectOf(defaults)['mappings'] !== undefined ||
    properties.some(({ id, value }) => id === 'mappings' && value !== null);
  if (mapped || (textOf(json['type']) === 'stat' && textOf(reduced) !== '')) return [];
  const unit = textOf(properties.findLast(({ id }) => id === 'unit')?.['value']) || textOf(objectOf(defaults)['unit']);
  return VALID_UNITS.has(unit)
    ? []
    : [
        {
          code: 'panel-units-rule',
          where: title,
          path,
          message: `unit ${JSON.stringify(unit)}`,
          fix: 'choose one of Grafana’s units, such as s, bytes, reqps, percentunit or short',
        },
      ];
});

const targetPromql = onPanels(WITH_QUERIES, ({ targets, title, json }, dashboard) => {
  if (!isPrometheus(dashboard)) return [];
  return targets.flatMap(({ expr, path, refId }): Draft[] => {
    const wrong = problemOf(expr);
    return wrong === undefined || textOf(json['type']) === ''
      ? []
      : [
          {
            code: 'target-promql-rule',
            where: `${title} ${refId}`,
            path: expr === '' ? path : `${path}/expr`,
            message: wrong,
            fix: 'write a PromQL query',
          },
        ];
  });
});

const rateInterval = onPanels(WITH_QUERIES, ({ targets, title }, dashboard) => {
  if (!isPrometheus(dashboard)) return [];
  return targets.flatMap(({ expr, path, refId }): Draft[] => {
    if (problemOf(expr) !== undefined) return [];
    const found = walk(parsePanelQuery(expr)).some(({ node, parents }) => {
      const parent = parents.at(-1);
      return (
        node.type === 'matrixSelector' &&
        !isRateInterval(node.range) &&
        parent?.type === 'call' &&
        /^i?rate$/.test(parent.function.name)
      );
    });
    return found
      ? [
          {
            code: 'target-rate-interval-rule',
            where: `${title} ${refId}`,
            path: `${path}/expr`,
            message: 'a rate over a fixed time',
            fix: 'use [$__rate_interval]',
          },
        ]
      : [];
  });
});

function targetMatcher(label: 'job' | 'instance'): Rule {
  return (dashboard) => {
    if (!isPrometheus(dashboard)) return [];
    return dashboard.panels.flatMap(({ targets, title }) =>
      targets.flatMap(({ expr, path, refId }): Draft[] => {
        if (problemOf(expr) !== undefined) return [];
        const bare = selectorsOf(parsePanelQuery(expr)).find(
          ({ matchers }) =>
            !matchers.some(({ name, operator, value }) => name === label && operator === '=~' && value === `$${label}`),
        );
        return bare === undefined
          ? []
          : [
              {
                code: `target-${label}-rule`,
                where: `${title} ${refId}`,
                path: `${path}/expr`,
                message: `${bare.name} is not selected by ${label}`,
                fix: `add ${label}=~"$${label}"`,
              },
            ];
      }),
    );
  };
}

function counterAggregation({ panels }: DashboardView): Draft[] {
  return panels.flatMap(({ targets, title }) =>
    targets.flatMap(({ expr, path, refId }): Draft[] => {
      if (problemOf(expr) !== undefined) return [];
      const raw = walk(parsePanelQuery(expr)).find(({ node, parents }) => {
        if (node.type !== 'vectorSelector' || !node.name.endsWith('_total') || node.matchers.length > 1) return false;
        const [call, range] = parents.slice(-2);
        return (
          range?.type !== 'matrixSelector' || call?.type !== 'call' || !/^(?:i?rate|increase)$/.test(call.function.name)
        );
      });
      return raw === undefined
        ? []
        : [
            {
              code: 'target-counter-agg-rule',
              where: `${title} ${refId}`,
              path: `${path}/expr`,
              message: 'a counter without rate, irate or increase',
              fix: 'use rate(…[$__rate_interval])',
            },
          ];
    }),
  );
}

/** LogQL is not read here: a range in square brackets that is not `$__auto` is all that is looked for. */
function logql({ panels }: DashboardView): Draft[] {
  return panels.flatMap(({ targets, title, type }) =>
    targets.flatMap(({ expr, path, refId, source }): Draft[] => {
      if (source !== 'loki' || !WITH_QUERIES.includes(type)) return [];
      const where = `${title} ${refId}`;
      const open = [...expr.replace(/"(?:[^"\\]|\\.)*"|`[^`]*`/g, '')].reduce(
        (depth, character) => depth + (/[({[]/.test(character) ? 1 : /[)}\]]/.test(character) ? -1 : 0),
        0,
      );
      if (open !== 0 || !/\{[^}]*\}/.test(expr))
        return [
          {
            code: 'target-logql-rule',
            where,
            path: `${path}/expr`,
            message: 'no LogQL: a stream selector in braces, and brackets in pairs',
            fix: 'write {label="value"} and what is done with it',
          },
        ];
      return /\[(?!\$__auto\])[^\]]+\]/.test(expr.replace(/"(?:[^"\\]|\\.)*"/g, ''))
        ? [
            {
              code: 'target-logql-auto-rule',
              where,
              path: `${path}/expr`,
              message: 'a fixed range',
              fix: 'use [$__auto]',
            },
          ]
        : [];
    }),
  );
}

export const LINTER_RULES: readonly Rule[] = [
  templateDatasource,
  templateOf('job'),
  templateOf('instance'),
  templateLabelPromql,
  reload,
  panelDatasource,
  panelTitle,
  panelUnits,
  panelTargets,
  logql,
  targetPromql,
  rateInterval,
  targetMatcher('job'),
  targetMatcher('instance'),
  counterAggregation,
  uneditable,
];
