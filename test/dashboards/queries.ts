/** The queries of the dashboards, as a browser would send them. */

import type { Dashboard, Panel, Target } from '../../lib/dashboards/grafana.ts';
import { DEFAULT_CONFIG, dashboards } from '../../lib/dashboards/index.ts';
import { substitute } from '../../lib/lint/variables.ts';
import { childrenOf, type Expression, type VectorSelector } from '../../lib/stack/query/promql/syntax/ast.ts';
import { parseExpression } from '../../lib/stack/query/promql/syntax/parser.ts';

export const DASHBOARDS: readonly Dashboard[] = dashboards(DEFAULT_CONFIG);

export interface PanelQuery {
  readonly dashboard: Dashboard;
  readonly panel: Panel;
  readonly target: Target;
  /** `uid/panel title/A`. */
  readonly path: string;
}

/** Every query of every panel. */
export function panelQueries(): PanelQuery[] {
  return DASHBOARDS.flatMap((dashboard) =>
    dashboard.panels.flatMap((panel) =>
      (panel.targets ?? []).map((target) => ({
        dashboard,
        panel,
        target,
        path: `${dashboard.uid}/${panel.title}/${target.refId}`,
      })),
    ),
  );
}

export interface Choices {
  /** Seconds. */
  readonly rateInterval: number;
  readonly range: number;
  /** By variable; absent = all, as a regular expression. */
  readonly values: Readonly<Record<string, string>>;
}

/** A query with its variables as Grafana puts them in: the all-value as it is, everything else by its format. */
export function interpolated(text: string, { rateInterval, range, values }: Choices): string {
  const globals: Readonly<Record<string, string>> = {
    __rate_interval: `${rateInterval}s`,
    __range: `${range}s`,
    __interval: '15s',
  };
  return substitute(text, (name, format) => {
    const chosen = values[name];
    if (chosen === undefined) return globals[name] ?? (/^(?:job|instance)$/.test(name) ? '.+' : undefined);
    return format === 'regex' ? chosen.replace(/[\\^$*+?.()|[\]{}/]/g, '\\$&') : chosen;
  });
}

/** The selectors in an expression, those within subqueries included. */
export function selectorsOf(expression: Expression): VectorSelector[] {
  return expression.type === 'vectorSelector' ? [expression] : childrenOf(expression).flatMap(selectorsOf);
}

/** Metric names that a query reads. */
export function metricsIn(query: string): string[] {
  const text = interpolated(query, { rateInterval: 60, range: 3600, values: {} });
  return [...new Set(selectorsOf(parseExpression(text)).map(({ name }) => name))];
}
