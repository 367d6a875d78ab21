/** A Prometheus recording rule. */
export interface RecordingRule {
  /** `level:metric:operations`. */
  readonly record: string;
  readonly expr: string;
}

/** A Prometheus alerting rule. */
export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  /** How long it must hold, such as `5m`. */
  readonly for: string;
  /** `page` wakes somebody, `ticket` is for the day, `info` is neither. */
  readonly severity: 'page' | 'ticket' | 'info';
  /** Further labels. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly summary: string;
  readonly description: string;
  /** Name of the dashboard that shows it. */
  readonly dashboard: string;
}

export interface RuleGroup {
  readonly name: string;
  /** How often it is evaluated, such as `30s`. */
  readonly interval: string;
  readonly rules: readonly (RecordingRule | AlertRule)[];
}
