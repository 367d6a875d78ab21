import { DATA_SOURCES } from './data-sources.ts';
import type { DataLink, DatasourceRef, FieldConfig, FieldOverride, GridPosition, Panel, Target } from './grafana.ts';

export const PROMETHEUS: DatasourceRef = { type: 'prometheus', uid: `\${${DATA_SOURCES.prometheus.variable}}` };
export const ELASTICSEARCH: DatasourceRef = {
  type: 'elasticsearch',
  uid: `\${${DATA_SOURCES.elasticsearch.variable}}`,
};
export const ZIPKIN: DatasourceRef = { type: 'zipkin', uid: `\${${DATA_SOURCES.zipkin.variable}}` };

/** A panel before it has an ID and a place. */
export type PanelDraft = Omit<Panel, 'id' | 'gridPos'> & { readonly size: Pick<GridPosition, 'h' | 'w'> };

/** One PromQL query. */
export interface Query {
  readonly expr: string;
  /** Name of the series, with `{{label}}`; default: all labels. */
  readonly legend?: string;
  /** true: only the newest value. */
  readonly instant?: boolean;
  /** true: exemplars are asked for. */
  readonly exemplars?: boolean;
  /** `heatmap` for buckets, `table` for tables. */
  readonly format?: 'time_series' | 'table' | 'heatmap';
}

const REF_IDS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

function targets(queries: readonly Query[]): Target[] {
  return queries.map(({ expr, legend, instant, exemplars, format }, at) => ({
    refId: REF_IDS[at] ?? `Q${at}`,
    datasource: PROMETHEUS,
    editorMode: 'code',
    expr,
    legendFormat: legend ?? '__auto',
    range: instant !== true,
    instant: instant === true,
    ...(exemplars === true && { exemplar: true }),
    ...(format !== undefined && { format }),
  }));
}

export interface PanelOptions {
  readonly title: string;
  /** What the reader learns from it, one or two sentences. */
  readonly description: string;
  readonly queries: readonly Query[];
  /** Grafana's unit ID, such as `reqps`, `s`, `percentunit`, `bytes`, `short`. */
  readonly unit: string;
  readonly width?: number;
  readonly height?: number;
  readonly overrides?: readonly FieldOverride[];
  readonly links?: readonly DataLink[];
  /** What stands there without data. */
  readonly noValue?: string;
}

export interface TimeseriesOptions extends PanelOptions {
  readonly stack?: boolean;
  readonly min?: number;
  readonly max?: number;
  /** Lines across the panel: value to colour. */
  readonly thresholds?: readonly (readonly [number | null, string])[];
}

function thresholdsOf(steps: readonly (readonly [number | null, string])[] | undefined): object {
  return {
    thresholds: {
      mode: 'absolute',
      steps: (steps ?? [[null, 'green']]).map(([value, color]) => ({ color, value })),
    },
  };
}

/** Lines over time. */
export function timeseries(options: TimeseriesOptions): PanelDraft {
  const defaults: FieldConfig['defaults'] = {
    unit: options.unit,
    min: options.min ?? 0,
    ...(options.max !== undefined && { max: options.max }),
    color: { mode: 'palette-classic' },
    custom: {
      drawStyle: 'line',
      lineInterpolation: 'linear',
      lineWidth: 1,
      fillOpacity: options.stack === true ? 40 : 8,
      showPoints: 'never',
      spanNulls: false,
      stacking: { mode: options.stack === true ? 'normal' : 'none', group: 'A' },
      thresholdsStyle: { mode: options.thresholds === undefined ? 'off' : 'dashed' },
    },
    ...thresholdsOf(options.thresholds),
    ...(options.noValue !== undefined && { noValue: options.noValue }),
    ...(options.links !== undefined && { links: options.links }),
  };
  return {
    type: 'timeseries',
    title: options.title,
    description: options.description,
    size: { h: options.height ?? 8, w: options.width ?? 12 },
    datasource: PROMETHEUS,
    targets: targets(options.queries),
    fieldConfig: { defaults, overrides: options.overrides ?? [] },
    options: {
      legend: { displayMode: 'list', placement: 'bottom', showLegend: true, calcs: [] },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
  };
}

/** One number with its sparkline. */
export function stat(
  options: PanelOptions & {
    readonly thresholds?: readonly (readonly [number | null, string])[];
    readonly sparkline?: boolean;
  },
): PanelDraft {
  return {
    type: 'stat',
    title: options.title,
    description: options.description,
    size: { h: options.height ?? 4, w: options.width ?? 4 },
    datasource: PROMETHEUS,
    targets: targets(options.queries),
    fieldConfig: {
      defaults: {
        unit: options.unit,
        color: { mode: 'thresholds' },
        ...thresholdsOf(options.thresholds),
        ...(options.noValue !== undefined && { noValue: options.noValue }),
        ...(options.links !== undefined && { links: options.links }),
      },
      overrides: options.overrides ?? [],
    },
    options: {
      reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
      colorMode: 'value',
      graphMode: options.sparkline === false ? 'none' : 'area',
      justifyMode: 'auto',
      orientation: 'auto',
      textMode: 'auto',
    },
  };
}

/** Rows of the newest values; queries are joined by the labels that they share. */
export function table(
  options: PanelOptions & {
    /** Columns in their order: field to title. */
    readonly columns: Readonly<Record<string, string>>;
  },
): PanelDraft {
  const names = Object.keys(options.columns);
  return {
    type: 'table',
    title: options.title,
    description: options.description,
    size: { h: options.height ?? 9, w: options.width ?? 24 },
    datasource: PROMETHEUS,
    targets: targets(options.queries.map((query) => ({ ...query, instant: true, format: 'table' }))),
    fieldConfig: {
      defaults: {
        unit: options.unit,
        custom: { align: 'auto', filterable: true },
        ...thresholdsOf(undefined),
        noValue: options.noValue ?? '–',
      },
      overrides: options.overrides ?? [],
    },
    options: { showHeader: true, cellHeight: 'sm', footer: { show: false } },
    transformations: [
      { id: 'merge', options: {} },
      {
        id: 'organize',
        options: {
          excludeByName: { Time: true },
          indexByName: Object.fromEntries(names.map((field, at) => [field, at])),
          renameByName: options.columns,
        },
      },
    ],
  };
}

/** Buckets of a histogram over time; the query must keep `le`. */
export function heatmap(options: PanelOptions): PanelDraft {
  return {
    type: 'heatmap',
    title: options.title,
    description: options.description,
    size: { h: options.height ?? 9, w: options.width ?? 12 },
    datasource: PROMETHEUS,
    targets: targets(options.queries.map((query) => ({ ...query, format: 'heatmap' }))),
    fieldConfig: { defaults: { unit: options.unit, ...thresholdsOf(undefined) }, overrides: [] },
    options: {
      calculate: false,
      cellGap: 1,
      color: { mode: 'scheme', scheme: 'Oranges', steps: 64, exponent: 0.5 },
      yAxis: { unit: options.unit, axisPlacement: 'left' },
      rowsFrame: { layout: 'auto' },
      tooltip: { mode: 'single', yHistogram: false },
      legend: { show: true },
      exemplars: { color: 'rgba(255,0,255,0.7)' },
    },
  };
}

/** Log lines that match a Lucene query, newest first. */
export function logs(options: {
  readonly title: string;
  readonly description: string;
  readonly query: string;
  readonly width?: number;
  readonly height?: number;
}): PanelDraft {
  return {
    type: 'logs',
    title: options.title,
    description: options.description,
    size: { h: options.height ?? 12, w: options.width ?? 24 },
    datasource: ELASTICSEARCH,
    targets: [
      {
        refId: 'A',
        datasource: ELASTICSEARCH,
        query: options.query,
        timeField: '@timestamp',
        metrics: [{ id: '1', type: 'logs', settings: { limit: '500' } }],
        bucketAggs: [],
      },
    ],
    options: {
      showTime: true,
      wrapLogMessage: true,
      enableLogDetails: true,
      sortOrder: 'Descending',
      dedupStrategy: 'none',
      prettifyLogMessage: false,
    },
  };
}

/** Counts of log lines over time, by a field. */
export function logCounts(options: {
  readonly title: string;
  readonly description: string;
  readonly query: string;
  readonly field: string;
  readonly width?: number;
  readonly height?: number;
}): PanelDraft {
  return {
    type: 'timeseries',
    title: options.title,
    description: options.description,
    size: { h: options.height ?? 8, w: options.width ?? 12 },
    datasource: ELASTICSEARCH,
    targets: [
      {
        refId: 'A',
        datasource: ELASTICSEARCH,
        query: options.query,
        alias: `{{${options.field}}}`,
        timeField: '@timestamp',
        metrics: [{ id: '1', type: 'count' }],
        bucketAggs: [
          {
            id: '2',
            type: 'terms',
            field: options.field,
            settings: { size: '10', order: 'desc', orderBy: '_count', min_doc_count: '1' },
          },
          { id: '3', type: 'date_histogram', field: '@timestamp', settings: { interval: 'auto', min_doc_count: '0' } },
        ],
      },
    ],
    fieldConfig: {
      defaults: {
        unit: 'short',
        min: 0,
        color: { mode: 'palette-classic' },
        custom: { drawStyle: 'bars', fillOpacity: 60, lineWidth: 0, stacking: { mode: 'normal', group: 'A' } },
      },
      overrides: [],
    },
    options: {
      legend: { displayMode: 'list', placement: 'bottom', showLegend: true, calcs: [] },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
  };
}

/** One trace by its ID, or traces of a service. */
export function traces(options: {
  readonly title: string;
  readonly description: string;
  /** A trace ID or a variable that holds one. */
  readonly traceId: string;
  readonly height?: number;
}): PanelDraft {
  return {
    type: 'traces',
    title: options.title,
    description: options.description,
    size: { h: options.height ?? 14, w: 24 },
    datasource: ZIPKIN,
    targets: [{ refId: 'A', datasource: ZIPKIN, query: options.traceId, queryType: 'traceID' }],
    options: {},
  };
}

/** Words, in Markdown. */
export function text(options: {
  readonly title: string;
  readonly content: string;
  readonly height?: number;
}): PanelDraft {
  return {
    type: 'text',
    title: options.title,
    description: options.title,
    size: { h: options.height ?? 4, w: 24 },
    options: { mode: 'markdown', content: options.content },
  };
}
