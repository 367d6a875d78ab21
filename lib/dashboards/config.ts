/** An objective: the share of requests that must be good, over a window of 30 days. */
export interface Objectives {
  /** Share of requests that are not answered with 5xx; 0 to 1. */
  readonly availability: number;
  /** Share of requests that are answered within `latencySeconds`; 0 to 1. */
  readonly latency: number;
  /** A bound of the duration buckets, seconds. */
  readonly latencySeconds: number;
  /** Requests a second below which a service has too little traffic for a ratio to mean anything. */
  readonly minimumRequestRate: number;
}

/** What differs from installation to installation. */
export interface DashboardConfig {
  /** Before each dashboard's name in its `uid`, 1 to 20 characters of `[a-z0-9-]`. */
  readonly uidPrefix: string;
  /** Tags of every dashboard, for folders and links. */
  readonly tags: readonly string[];
  /** Grafana's own notation, such as `30s`. */
  readonly refresh: string;
  /** Grafana's own notation, such as `now-1h`. */
  readonly from: string;
  /** Elasticsearch index pattern of the logs. */
  readonly logIndex: string;
  readonly objectives: Objectives;
  /**
   * Where runbooks are read, without a trailing slash; an alert's `runbook_url` is this and its name. The default is an
   * address that nobody has: name the place where yours are.
   */
  readonly runbookUrl: string;
  /** Address of Grafana in the links of alerts, without a trailing slash. */
  readonly grafanaUrl: string;
}

export const DEFAULT_CONFIG: DashboardConfig = {
  uidPrefix: 'sightline',
  tags: ['sightline', 'generated'],
  refresh: '30s',
  from: 'now-1h',
  logIndex: 'logs-*-*',
  objectives: { availability: 0.999, latency: 0.99, latencySeconds: 0.5, minimumRequestRate: 0.05 },
  runbookUrl: 'https://runbooks.example.com/sightline',
  grafanaUrl: 'http://localhost:3000',
};
