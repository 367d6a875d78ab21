import type { YamlValue } from '../stack/config/yaml-node.ts';
import { readYaml } from '../stack/config/yaml-subset.ts';

/** One entry of a `.lint` file (github.com/grafana/dashboard-linter, docs/index.md). What it does not name, it does not look at. */
export interface ExclusionEntry {
  readonly dashboard?: string;
  readonly panel?: string;
}

/** Rule to entries; none: the rule is off. */
export type Exclusions = Readonly<Record<string, readonly ExclusionEntry[]>>;

export interface LintConfiguration {
  readonly exclusions: Exclusions;
  /** Errors of these are warnings. */
  readonly warnings: Exclusions;
}

export const NO_CONFIGURATION: LintConfiguration = { exclusions: {}, warnings: {} };

const isMapping = (value: YamlValue | undefined): value is Readonly<Record<string, YamlValue>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function entriesOf(rule: YamlValue): ExclusionEntry[] {
  const list = isMapping(rule) ? rule['entries'] : undefined;
  if (!Array.isArray(list)) return [];
  return (list as readonly YamlValue[]).filter(isMapping).map((entry) => ({
    ...(typeof entry['dashboard'] === 'string' && { dashboard: entry['dashboard'] }),
    ...(typeof entry['panel'] === 'string' && { panel: entry['panel'] }),
  }));
}

function section(value: YamlValue | undefined): Exclusions {
  if (!isMapping(value)) return {};
  return Object.fromEntries(Object.entries(value).map(([rule, one]) => [rule, entriesOf(one)]));
}

/** @throws Error with the line that cannot be read */
export function readConfiguration(text: string): LintConfiguration {
  const root = readYaml(text);
  return isMapping(root)
    ? { exclusions: section(root['exclusions']), warnings: section(root['warnings']) }
    : NO_CONFIGURATION;
}

/** @param panel title of the panel; undefined when the finding is of the whole dashboard */
export function covers(
  exclusions: Exclusions,
  code: string,
  finding: { dashboard: string; panel: string | undefined },
): boolean {
  const entries = exclusions[code];
  if (entries === undefined) return false;
  return (
    entries.length === 0 ||
    entries.some(
      ({ dashboard, panel }) =>
        (dashboard === undefined || dashboard === finding.dashboard) &&
        (panel === undefined || finding.panel === undefined || panel === finding.panel),
    )
  );
}
