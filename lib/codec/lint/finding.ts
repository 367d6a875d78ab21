/** Who has the rule: what no scraper reads, `promtool check metrics`, OpenMetrics 1.0, or Sightline. */
export type RuleOrigin = 'format' | 'promtool' | 'openmetrics' | 'sightline';

/** One thing that a page of metrics does wrong. */
export interface Finding {
  /** Stable name of the rule, as in docs/lint.md. */
  readonly code: string;
  readonly origin: RuleOrigin;
  readonly severity: 'error' | 'warning';
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  /** The family, empty when the line has none. */
  readonly metric: string;
  /** What is wrong. Of promtool's rules in promtool's words. */
  readonly message: string;
  /** What to do. */
  readonly fix: string;
}

export type LintFormat = 'text' | 'openmetrics';
