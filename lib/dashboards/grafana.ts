/** Grafana's classic dashboard schema, as far as these dashboards use it; version 39, which Grafana 10.4 and later read. */
export const SCHEMA_VERSION = 39;

export interface DatasourceRef {
  readonly type: 'prometheus' | 'elasticsearch' | 'zipkin' | 'grafana' | 'datasource';
  readonly uid: string;
}

export interface GridPosition {
  readonly h: number;
  readonly w: number;
  readonly x: number;
  readonly y: number;
}

export interface DataLink {
  readonly title: string;
  readonly url: string;
  readonly targetBlank?: boolean;
}

export interface FieldOverride {
  readonly matcher: { readonly id: 'byName' | 'byRegexp' | 'byFrameRefID'; readonly options: string };
  readonly properties: readonly { readonly id: string; readonly value: unknown }[];
}

export interface FieldConfig {
  readonly defaults: {
    readonly unit?: string;
    readonly min?: number;
    readonly max?: number;
    readonly decimals?: number;
    readonly noValue?: string;
    readonly color?: { readonly mode: string; readonly fixedColor?: string };
    readonly custom?: Readonly<Record<string, unknown>>;
    readonly thresholds?: {
      readonly mode: 'absolute';
      readonly steps: readonly { readonly color: string; readonly value: number | null }[];
    };
    readonly mappings?: readonly unknown[];
    readonly links?: readonly DataLink[];
  };
  readonly overrides: readonly FieldOverride[];
}

export interface Target {
  readonly refId: string;
  readonly datasource: DatasourceRef;
  readonly [field: string]: unknown;
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: GridPosition;
  readonly datasource?: DatasourceRef;
  readonly targets?: readonly Target[];
  readonly fieldConfig?: FieldConfig;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly transformations?: readonly { readonly id: string; readonly options: unknown }[];
  readonly links?: readonly DataLink[];
  readonly collapsed?: boolean;
  readonly panels?: readonly Panel[];
}

export interface Variable {
  readonly name: string;
  readonly type: 'datasource' | 'query' | 'textbox' | 'custom';
  readonly label: string;
  readonly [field: string]: unknown;
}

export interface Dashboard {
  readonly id: null;
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly schemaVersion: number;
  readonly editable: false;
  readonly graphTooltip: 1;
  readonly refresh: string;
  readonly time: { readonly from: string; readonly to: string };
  readonly timezone: string;
  readonly templating: { readonly list: readonly Variable[] };
  readonly annotations: { readonly list: readonly Readonly<Record<string, unknown>>[] };
  readonly links: readonly Readonly<Record<string, unknown>>[];
  readonly panels: readonly Panel[];
}
