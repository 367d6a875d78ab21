import { bothPathsFindings } from './both-paths.ts';
import type { Finding, LintFormat } from './finding.ts';
import { ownFindings } from './own-rules.ts';
import { type LintPage, readLintPage } from './page.ts';
import { promtoolFindings } from './promtool-rules.ts';
import { clashFindings, valueFindings } from './value-rules.ts';

export interface LintInput {
  /** File name or address. */
  readonly source: string;
  readonly text: string;
  readonly format: LintFormat;
}

export interface LintResult {
  readonly source: string;
  readonly format: LintFormat;
  readonly metrics: number;
  readonly series: number;
  /** By line. */
  readonly findings: readonly Finding[];
}

/** The format of a page without a content type: an OpenMetrics page says its end. */
export function formatOf(text: string): LintFormat {
  return /(?:^|\n)# EOF\n?$/.test(text) ? 'openmetrics' : 'text';
}

function pageFindings(page: LintPage): Finding[] {
  const openMetrics = page.format === 'openmetrics';
  const findings = [...page.malformed];
  for (const family of page.families) {
    const promtool = promtoolFindings(family, openMetrics);
    const said = new Set(promtool.map(({ code }) => code));
    findings.push(...promtool, ...valueFindings(family), ...ownFindings(family, openMetrics, said));
  }
  return openMetrics ? [...findings, ...clashFindings(page.families)] : findings;
}

/** Looks at pages of metrics: each by itself, and all together for services that are counted twice. */
export function lintMetrics(inputs: readonly LintInput[]): LintResult[] {
  const pages = inputs.map(({ source, text, format }) => ({ source, page: readLintPage(text, format) }));
  const twice = bothPathsFindings(pages);
  return pages.map(({ source, page }) => ({
    source,
    format: page.format,
    metrics: page.families.filter(({ samples }) => samples.length > 0).length,
    series: page.families.reduce((total, { samples }) => total + samples.length, 0),
    findings: [...pageFindings(page), ...(twice.get(source) ?? [])].sort(
      (one, two) => one.line - two.line || one.column - two.column || (one.code < two.code ? -1 : 1),
    ),
  }));
}
