/** A dashboard as it stands in a file: anything may be missing or of a wrong type. */
type Loose = Readonly<Record<string, unknown>>;

export interface PanelView {
  readonly path: string;
  readonly type: string;
  readonly title: string;
  readonly json: Loose;
  readonly targets: readonly TargetView[];
}

export interface TargetView {
  readonly path: string;
  readonly refId: string;
  readonly expr: string;
  /** Type of its data source, `''` when it is not written. */
  readonly source: string;
}

export interface VariableView {
  readonly path: string;
  readonly name: string;
  readonly type: string;
  readonly label: string;
  /** The query as text, out of either form that Grafana has for it. */
  readonly query: string;
  readonly json: Loose;
}

export interface DashboardView {
  readonly json: Loose;
  readonly title: string;
  readonly panels: readonly PanelView[];
  readonly variables: readonly VariableView[];
}

const isObject = (value: unknown): value is Loose =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
export const objectOf = (value: unknown): Loose => (isObject(value) ? value : {});

function panelOf(json: Loose, path: string): PanelView {
  const source = textOf(objectOf(json['datasource'])['type']);
  return {
    path,
    type: textOf(json['type']),
    title: textOf(json['title']),
    json,
    targets: listOf(json['targets']).map((target, at) => {
      const own = objectOf(target);
      return {
        path: `${path}/targets/${at}`,
        refId: textOf(own['refId']),
        expr: textOf(own['expr']),
        source: textOf(objectOf(own['datasource'])['type']) || source,
      };
    }),
  };
}

/** A classic dashboard: panels of collapsed rows and of the rows of old schemas are panels like the others. */
export function dashboardView(json: unknown): DashboardView {
  const root = objectOf(json);
  const nested = (list: unknown, path: string): PanelView[] =>
    listOf(list).flatMap((item, at) => {
      const panel = objectOf(item);
      return [panelOf(panel, `${path}/${at}`), ...nested(panel['panels'], `${path}/${at}/panels`)];
    });
  return {
    json: root,
    title: textOf(root['title']),
    panels: [
      ...nested(root['panels'], 'panels'),
      ...listOf(root['rows']).flatMap((row, at) => nested(objectOf(row)['panels'], `rows/${at}/panels`)),
    ],
    variables: listOf(objectOf(root['templating'])['list']).map((item, at) => {
      const variable = objectOf(item);
      const { query } = variable;
      return {
        path: `templating/list/${at}`,
        name: textOf(variable['name']),
        type: textOf(variable['type']),
        label: textOf(variable['label']),
        query: textOf(query) || textOf(objectOf(query)['query']),
        json: variable,
      };
    }),
  };
}

/** Uid of a data source reference, in either form that Grafana has for it. */
export function datasourceUid(json: Loose): string {
  const { datasource } = json;
  return textOf(datasource) || textOf(objectOf(datasource)['uid']);
}
