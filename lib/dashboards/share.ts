import { DATA_SOURCES, type DataSource, type DataSourceType } from './data-sources.ts';
import type { Dashboard, Variable } from './grafana.ts';

/** `__inputs` and `__requires` are what Grafana's import dialog asks for; provisioning knows neither. */
export type SharedDashboard = Dashboard & {
  readonly __inputs: readonly Readonly<Record<string, string>>[];
  readonly __requires: readonly Readonly<Record<string, string>>[];
};

/** The oldest Grafana that reads the schema. */
const GRAFANA = '10.4.0';

/** The data source of a variable; undefined of any other variable. */
function sourceOf(variable: Variable): (DataSource & { readonly type: DataSourceType }) | undefined {
  if (variable.type !== 'datasource') return undefined;
  const type = String(variable['query']) as DataSourceType;
  return { type, ...DATA_SOURCES[type] };
}

/**
 * The same dashboard for the import dialog and for grafana.com: it asks for each data source once and chooses it in
 * the data source variable.
 */
export function shared(dashboard: Dashboard): SharedDashboard {
  const { list } = dashboard.templating;
  const sources = list.map(sourceOf).filter((source) => source !== undefined);
  const panelTypes = [...new Set(dashboard.panels.map(({ type }) => type).filter((type) => type !== 'row'))].sort();
  return {
    __inputs: sources.map(({ type, input, label, name }) => ({
      name: input,
      label,
      description: '',
      type: 'datasource',
      pluginId: type,
      pluginName: name,
    })),
    __requires: [
      { type: 'grafana', id: 'grafana', name: 'Grafana', version: GRAFANA },
      ...panelTypes.map((type) => ({ type: 'panel', id: type, name: type, version: '' })),
      ...sources.map(({ type, name }) => ({ type: 'datasource', id: type, name, version: '1.0.0' })),
    ],
    ...dashboard,
    templating: {
      list: list.map((variable) => {
        const source = sourceOf(variable);
        if (source === undefined) return variable;
        return { ...variable, current: { text: source.label, value: `\${${source.input}}` } };
      }),
    },
  };
}
