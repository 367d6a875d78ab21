import type { Dashboard, DatasourceRef } from './grafana.ts';

/** `__inputs` and `__requires` are what Grafana's import dialog asks for; provisioning knows neither. */
export type SharedDashboard = Dashboard & {
  readonly __inputs: readonly Readonly<Record<string, string>>[];
  readonly __requires: readonly Readonly<Record<string, string>>[];
};

/** The oldest Grafana that reads the schema. */
const GRAFANA = '10.4.0';

const SOURCES: Readonly<Record<string, { readonly input: string; readonly label: string; readonly name: string }>> = {
  prometheus: { input: 'DS_PROMETHEUS', label: 'Prometheus', name: 'Prometheus' },
  elasticsearch: { input: 'DS_ELASTICSEARCH', label: 'Logs in Elasticsearch', name: 'Elasticsearch' },
  zipkin: { input: 'DS_ZIPKIN', label: 'Zipkin', name: 'Zipkin' },
};

/**
 * The same dashboard for the import dialog and for grafana.com: it asks for each data source once and chooses it in
 * the data source variable.
 */
export function shared(dashboard: Dashboard): SharedDashboard {
  const types = dashboard.templating.list
    .filter((variable) => variable.type === 'datasource')
    .map((variable) => String(variable['query']));
  const panelTypes = [...new Set(dashboard.panels.map(({ type }) => type).filter((type) => type !== 'row'))].sort();
  const list = dashboard.templating.list.map((variable) => {
    const source = variable.type === 'datasource' ? SOURCES[String(variable['query'])] : undefined;
    if (source === undefined) return variable;
    return { ...variable, current: { text: source.label, value: `\${${source.input}}` } };
  });
  const inputs = types.map((type) => {
    const { input, label, name } = SOURCES[type] ?? { input: type, label: type, name: type };
    return {
      name: input,
      label,
      description: '',
      type: 'datasource',
      pluginId: type as DatasourceRef['type'],
      pluginName: name,
    };
  });
  return {
    __inputs: inputs,
    __requires: [
      { type: 'grafana', id: 'grafana', name: 'Grafana', version: GRAFANA },
      ...panelTypes.map((type) => ({ type: 'panel', id: type, name: type, version: '' })),
      ...types.map((type) => ({ type: 'datasource', id: type, name: SOURCES[type]?.name ?? type, version: '1.0.0' })),
    ],
    ...dashboard,
    templating: { list },
  };
}
