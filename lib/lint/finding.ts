/** Who has the rule: Grafana's dashboard-linter, or Sightline. */
export type LintOrigin = 'dashboard-linter' | 'sightline';

/** One thing that a dashboard or a rules file does wrong. */
export interface LintFinding {
  /** Stable name of the rule, as in docs/lint.md; those of dashboard-linter are its own. */
  readonly code: string;
  readonly origin: LintOrigin;
  readonly severity: 'error' | 'warning';
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  /** The panel, the variable, the alert or the record; empty for the whole file. */
  readonly where: string;
  readonly message: string;
  /** What to do. */
  readonly fix: string;
}

/** A finding before its place in the file is known. */
export type Draft = Pick<LintFinding, 'code' | 'where' | 'message' | 'fix'> & {
  readonly severity?: 'warning';
  /** Path of the value, such as `panels/3/targets/0/expr`. */
  readonly path: string;
};
