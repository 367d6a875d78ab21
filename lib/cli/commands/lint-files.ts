import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SightlineError } from '../../errors.ts';
import { type LintConfiguration, NO_CONFIGURATION, readConfiguration } from '../../lint/exclusions.ts';
import type { LintFinding } from '../../lint/finding.ts';
import { lintDashboard } from '../../lint/lint-dashboard.ts';
import { lintRules } from '../../lint/lint-rules.ts';
import { readRules } from '../../lint/rules-file.ts';
import type { Output } from '../command.ts';
import { paint, printable } from '../output.ts';

export interface FileLint {
  readonly source: string;
  readonly findings: readonly LintFinding[];
}

/** @throws SightlineError SIGHTLINE_E_LINT_SOURCE */
async function readSource(path: string, wanted: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new SightlineError(
      'SIGHTLINE_E_LINT_SOURCE',
      `got ${(error as Error).message}, wanted ${wanted}; give the path of a file`,
    );
  }
}

/** The `.lint` file beside a dashboard, as Grafana's dashboard-linter reads it. */
async function configurationBeside(path: string): Promise<LintConfiguration> {
  const file = join(dirname(path), '.lint');
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    return NO_CONFIGURATION;
  }
  try {
    return readConfiguration(text);
  } catch (error) {
    throw new SightlineError(
      'SIGHTLINE_E_LINT_SOURCE',
      `got ${(error as Error).message} in ${file}, wanted exclusions and warnings by rule; correct it`,
    );
  }
}

/** @throws SightlineError SIGHTLINE_E_LINT_SOURCE */
export async function lintDashboardFiles(paths: readonly string[]): Promise<FileLint[]> {
  return Promise.all(
    paths.map(async (source) => ({
      source,
      findings: lintDashboard(await readSource(source, 'a dashboard'), await configurationBeside(source)),
    })),
  );
}

/** Files that are given together know each other's recorded names. @throws SightlineError SIGHTLINE_E_LINT_SOURCE */
export async function lintRulesFiles(paths: readonly string[]): Promise<FileLint[]> {
  const texts = await Promise.all(paths.map((path) => readSource(path, 'a rules file')));
  const known = texts.flatMap(recordsIn);
  return texts.map((text, at) => ({ source: paths[at] ?? '', findings: lintRules(text, known) }));
}

function recordsIn(text: string): string[] {
  try {
    return readRules(text).map(({ record }) => record);
  } catch {
    // Said where the file is checked.
    return [];
  }
}

/** A line for each finding. */
export function reportFiles(out: Output, results: readonly FileLint[]): void {
  for (const { source, findings } of results) {
    for (const { line, column, severity, code, where, message, fix } of findings) {
      const word = paint(out, severity === 'error' ? 'red' : 'yellow', severity);
      const at = where.trim() === '' ? '' : `${printable(where)}: `;
      out.line(
        `${printable(source)}:${line}:${column}: ${word} ${code}: ${at}${printable(message)}; ${printable(fix)}`,
      );
    }
  }
}
