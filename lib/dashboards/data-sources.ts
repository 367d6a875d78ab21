/** A kind of data source: how it is chosen in a dashboard, and asked for when one is imported. */
export interface DataSource {
  /** The variable that chooses it. Grafana's dashboard-linter wants exactly this name and label. */
  readonly variable: string;
  readonly label: string;
  /** Name of the input in the import dialog. */
  readonly input: string;
  readonly name: string;
}

export const DATA_SOURCES = {
  prometheus: {
    variable: 'prometheus_datasource',
    label: 'Prometheus data source',
    input: 'DS_PROMETHEUS',
    name: 'Prometheus',
  },
  elasticsearch: {
    variable: 'elasticsearch_datasource',
    label: 'Elasticsearch data source',
    input: 'DS_ELASTICSEARCH',
    name: 'Elasticsearch',
  },
  zipkin: {
    variable: 'zipkin_datasource',
    label: 'Zipkin data source',
    input: 'DS_ZIPKIN',
    name: 'Zipkin',
  },
} as const satisfies Readonly<Record<string, DataSource>>;
export type DataSourceType = keyof typeof DATA_SOURCES;
