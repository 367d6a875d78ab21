import { dashboardView } from './dashboard-file.ts';
import { covers, type LintConfiguration, NO_CONFIGURATION } from './exclusions.ts';
import type { Draft, LintFinding, LintOrigin } from './finding.ts';
import { jsonPositions, lineAndColumn } from './json-positions.ts';
import { LINTER_RULES } from './linter-rules.ts';
import { OWN_RULES } from './own-dashboard-rules.ts';

/** Panel of a path, as its title: exclusions name it so. */
const PANEL = /^((?:panels|rows)\/.*?\d+)(?=\/targets|$)/;

/**
 * The rules of Grafana's dashboard-linter and Sightline's over one dashboard file of the classic schema.
 * @param configuration what a `.lint` file beside it excludes
 */
export function lintDashboard(text: string, configuration: LintConfiguration = NO_CONFIGURATION): LintFinding[] {
  const whole = { origin: 'sightline', severity: 'error', line: 1, column: 1, where: '' } as const;
  let json: unknown;
  let positions: Map<string, number>;
  try {
    json = JSON.parse(text);
    positions = jsonPositions(text);
  } catch (error) {
    return [{ ...whole, code: 'json', message: (error as Error).message, fix: 'correct the JSON' }];
  }
  const view = dashboardView(json);
  if (view.json['panels'] === undefined && view.json['rows'] === undefined) {
    return [
      {
        ...whole,
        code: 'schema',
        message: 'no dashboard of the classic schema',
        fix: 'export it as classic JSON, with panels at the top',
      },
    ];
  }
  const finding = (origin: LintOrigin, { path, severity, ...draft }: Draft): LintFinding | undefined => {
    let at = path;
    while (at !== '' && !positions.has(at)) at = at.slice(0, Math.max(0, at.lastIndexOf('/')));
    const panelPath = PANEL.exec(path)?.[1];
    const place = { dashboard: view.title, panel: view.panels.find((panel) => panel.path === panelPath)?.title };
    if (covers(configuration.exclusions, draft.code, place)) return undefined;
    const mild = severity ?? (covers(configuration.warnings, draft.code, place) ? 'warning' : 'error');
    return { ...draft, origin, severity: mild, ...lineAndColumn(text, positions.get(at) ?? 0) };
  };
  const all = [
    ...LINTER_RULES.flatMap((rule) => rule(view).map((draft) => finding('dashboard-linter', draft))),
    ...OWN_RULES.flatMap((rule) => rule(view).map((draft) => finding('sightline', draft))),
  ];
  return all
    .filter((one) => one !== undefined)
    .sort((one, other) => one.line - other.line || one.column - other.column || (one.code < other.code ? -1 : 1));
}
