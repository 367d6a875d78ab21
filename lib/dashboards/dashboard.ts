import { DEPLOYMENT } from '../model/deployment.ts';
import type { DashboardConfig } from './config.ts';
import { DATA_SOURCES, type DataSourceType } from './data-sources.ts';
import { type Dashboard, type DataLink, type Panel, SCHEMA_VERSION, type Variable } from './grafana.ts';
import { SERVER } from './names.ts';
import { type PanelDraft, PROMETHEUS } from './panels.ts';

/** Grafana's grid is 24 columns wide. */
const COLUMNS = 24;

export interface Row {
  readonly title: string;
  readonly panels: readonly PanelDraft[];
}

export interface DashboardOptions {
  readonly config: DashboardConfig;
  /** Last part of the `uid`. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly rows: readonly Row[];
  /** Besides the Prometheus data source, which every dashboard has. */
  readonly dataSources?: readonly Exclude<DataSourceType, 'prometheus'>[];
  /** A metric whose series have the jobs and instances to choose from; default the server's requests. */
  readonly jobsOf?: string;
  /** Whether it chooses instances, too; default true. */
  readonly instances?: boolean;
  readonly variables?: readonly Variable[];
}

/** A line at the time of each deployment (`sightline deploy`): the value of the metric is the time itself. */
const DEPLOYMENTS = {
  name: 'Deployments',
  datasource: PROMETHEUS,
  enable: true,
  hide: false,
  iconColor: 'blue',
  expr: `max by (service, version, environment) (${DEPLOYMENT.prometheus}{service=~"$job"}) * 1000`,
  step: '1m',
  titleFormat: '{{service}} {{version}}',
  tagKeys: 'environment',
  useValueForTime: true,
} as const;

/** The `uid` of a dashboard by its name. */
export function uidOf(config: DashboardConfig, name: string): string {
  return `${config.uidPrefix}-${name}`;
}

/** A link to another of these dashboards that keeps the time range, and what `parameters` adds. */
export function linkTo(
  config: DashboardConfig,
  name: string,
  { title, parameters = {} }: { readonly title: string; readonly parameters?: Readonly<Record<string, string>> },
): DataLink {
  const more = Object.entries(parameters)
    .map(([key, value]) => `&${key}=${value}`)
    .join('');
  return { title, url: `/d/${uidOf(config, name)}?\${__url_time_range}${more}` };
}

function dataSourceVariable(type: DataSourceType): Variable {
  const { variable, label } = DATA_SOURCES[type];
  return {
    name: variable,
    type: 'datasource',
    label,
    query: type,
    current: {},
    hide: 0,
    includeAll: false,
    multi: false,
    refresh: 1,
    regex: '',
  };
}

function queryVariable(name: string, label: string, query: string): Variable {
  return {
    name,
    type: 'query',
    label,
    datasource: PROMETHEUS,
    query: { query, refId: `variable-${name}` },
    definition: query,
    current: {},
    hide: 0,
    includeAll: true,
    allValue: '.+',
    multi: true,
    // On each change of the time range: services come and go.
    refresh: 2,
    regex: '',
    sort: 1,
  };
}

/** A text that the reader writes or a link brings. */
export function textVariable(name: string, label: string): Variable {
  const current = { text: '', value: '' };
  return { name, type: 'textbox', label, query: '', current, options: [], hide: 0 };
}

/** Panels in rows, from left to right and from top to bottom, numbered from 1. */
export function layOut(rows: readonly Row[]): Panel[] {
  const placed: Panel[] = [];
  let y = 0;
  for (const row of rows) {
    placed.push({
      id: placed.length + 1,
      type: 'row',
      title: row.title,
      collapsed: false,
      gridPos: { h: 1, w: COLUMNS, x: 0, y },
      panels: [],
    });
    y += 1;
    let x = 0;
    let height = 0;
    for (const { size, ...panel } of row.panels) {
      if (x + size.w > COLUMNS) {
        y += height;
        x = 0;
        height = 0;
      }
      placed.push({ ...panel, id: placed.length + 1, gridPos: { ...size, x, y } });
      x += size.w;
      height = Math.max(height, size.h);
    }
    y += height;
  }
  return placed;
}

/** A dashboard in Grafana's classic schema, without anything that binds it to one installation. */
export function dashboard(options: DashboardOptions): Dashboard {
  const { config } = options;
  const jobsOf = options.jobsOf ?? SERVER.count;
  const sources = options.dataSources ?? [];
  return {
    id: null,
    uid: uidOf(config, options.name),
    title: options.title,
    description: options.description,
    tags: config.tags,
    schemaVersion: SCHEMA_VERSION,
    editable: false,
    graphTooltip: 1,
    refresh: config.refresh,
    time: { from: config.from, to: 'now' },
    timezone: 'browser',
    templating: {
      list: [
        ...(['prometheus', ...sources] as const).map(dataSourceVariable),
        queryVariable('job', 'Job', `label_values(${jobsOf}, job)`),
        ...(options.instances === false
          ? []
          : [queryVariable('instance', 'Instance', `label_values(${jobsOf}{job=~"$job"}, instance)`)]),
        ...(options.variables ?? []),
      ],
    },
    annotations: { list: [DEPLOYMENTS] },
    links: [
      {
        type: 'dashboards',
        title: 'Sightline',
        tags: [config.tags[0] ?? 'sightline'],
        asDropdown: true,
        includeVars: true,
        keepTime: true,
        icon: 'external link',
        targetBlank: false,
        tooltip: '',
        url: '',
      },
    ],
    panels: layOut(options.rows),
  };
}
