import { readFile } from 'node:fs/promises';
import type { Finding } from '../../codec/lint/finding.ts';
import { formatOf, type LintInput, type LintResult, lintMetrics } from '../../codec/lint/lint-metrics.ts';
import { CONTENT_TYPES } from '../../codec/prometheus-text.ts';
import { SightlineError } from '../../errors.ts';
import type { Command, Output } from '../command.ts';
import { fetchFailure } from '../fetch-failure.ts';
import { paint, printable } from '../output.ts';
import { didYouMean, usageError } from '../usage.ts';
import { lintDashboardFiles, lintRulesFiles, reportFiles } from './lint-files.ts';

/** How long a page may take. */
const FETCH_MILLIS = 30_000;
/** Bytes of a page; Prometheus's own default has no limit, this is a thousand times an ordinary one. */
const MAX_PAGE_BYTES = 64 * 1024 ** 2;
const MAX_TARGETS = 100;
const SUBJECTS = ['metrics', 'dashboards', 'rules'] as const;

/**
 * `sightline lint`: what promtool, OpenMetrics and Sightline have to say about a page of metrics, Grafana's dashboard-linter
 * and Sightline about dashboards, Sightline about rules of Prometheus.
 */
export const lintCommand: Command = {
  name: 'lint',
  summary: 'check pages of metrics, Grafana dashboards, rules of Prometheus',
  usage: 'metrics URL|FILE|-… | dashboards FILE… | rules FILE…',
  options: {
    format: { type: 'string', placeholder: 'FORMAT', meaning: 'of files: text or openmetrics; by default as they end' },
    strict: { type: 'boolean', meaning: 'warnings fail, too' },
  },
  positionals: [2, MAX_TARGETS],
  notes: [
    'Metrics: of a URL both formats are checked. Several pages are also compared: a service that is scraped and sent by StatsD is',
    'counted twice. Dashboards: what a file .lint beside one excludes, in the form of Grafana’s dashboard-linter, is left',
    'out. Exit code 0: no error; 1: errors, or something that cannot be read.',
  ],
  async run({ positionals, values, json, out }) {
    const [subject = '', ...targets] = positionals;
    if (!(SUBJECTS as readonly string[]).includes(subject))
      throw usageError(
        lintCommand,
        `got ${JSON.stringify(subject)}, wanted metrics, dashboards or rules and what to check${didYouMean(subject, SUBJECTS)}`,
      );
    const format = values['format'];
    if (format !== undefined && format !== 'text' && format !== 'openmetrics')
      throw usageError(lintCommand, `got --format ${String(format)}, wanted text or openmetrics`);
    if (subject !== 'metrics') {
      if (format !== undefined)
        throw usageError(lintCommand, `got --format for ${subject}, wanted it for metrics alone`);
      const files = await (subject === 'dashboards' ? lintDashboardFiles(targets) : lintRulesFiles(targets));
      const found = files.flatMap(({ findings }) => findings);
      const wrong = found.filter(({ severity }) => severity === 'error').length;
      const mild = found.length - wrong;
      if (json) out.line(JSON.stringify({ files, errors: wrong, warnings: mild }));
      else {
        reportFiles(out, files);
        out.note(found.length === 0 ? `${files.length} files: nothing to say` : `${wrong} errors, ${mild} warnings`);
      }
      return wrong > 0 || (values['strict'] === true && mild > 0) ? 1 : 0;
    }
    const inputs = (await Promise.all(targets.map((target) => readTarget(target, format)))).flat();
    const results = lintMetrics(inputs).map(withoutRepeats());
    const all = results.flatMap(({ findings }) => findings);
    const errors = all.filter(({ severity }) => severity === 'error').length;
    const warnings = all.length - errors;
    if (json) out.line(JSON.stringify({ pages: results, errors, warnings }));
    else report(out, results, errors, warnings);
    return errors > 0 || (values['strict'] === true && warnings > 0) ? 1 : 0;
  },
};

/** What is said of the text format of a URL is not said again of its OpenMetrics form. */
function withoutRepeats(): (result: LintResult) => LintResult {
  const said = new Set<string>();
  return (result) => ({
    ...result,
    findings: result.findings.filter(({ code, origin, metric, message }) => {
      const key = JSON.stringify([result.source, code, metric, message]);
      if (origin !== 'format' && result.format === 'openmetrics' && said.has(key)) return false;
      said.add(JSON.stringify([result.source, code, metric, message]));
      return true;
    }),
  });
}

function report(out: Output, results: readonly LintResult[], errors: number, warnings: number): void {
  for (const { source, format, findings } of results) {
    for (const finding of findings) out.line(lineOf(out, source, format, finding));
  }
  const metrics = Math.max(0, ...results.map((result) => result.metrics));
  const series = Math.max(0, ...results.map((result) => result.series));
  out.note(
    errors + warnings === 0
      ? `${results.length} pages, up to ${metrics} metrics and ${series} samples: nothing to say`
      : `${errors} errors, ${warnings} warnings`,
  );
}

function lineOf(out: Output, source: string, format: string, finding: Finding): string {
  const { severity, line, column, code, metric, message, fix } = finding;
  const where = `${printable(source)}${format === 'openmetrics' ? ' (OpenMetrics)' : ''}:${line}:${column}`;
  const word = paint(out, severity === 'error' ? 'red' : 'yellow', severity);
  return `${where}: ${word} ${code}: ${metric === '' ? '' : `${printable(metric)}: `}${printable(message)}; ${printable(fix)}`;
}

async function readTarget(target: string, format: 'text' | 'openmetrics' | undefined): Promise<LintInput[]> {
  if (/^https?:\/\//i.test(target)) {
    const text = await fetchPage(target, CONTENT_TYPES.text);
    const open = await fetchPage(target, CONTENT_TYPES.openmetrics);
    return open.format === 'text' || text.format === 'openmetrics' ? [text] : [text, open];
  }
  let text: string;
  try {
    text = target === '-' ? await readStandardInput() : await readFile(target, 'utf8');
  } catch (error) {
    throw new SightlineError(
      'SIGHTLINE_E_LINT_SOURCE',
      `got ${(error as Error).message}, wanted a page of metrics; give a file, a URL or - for standard input`,
    );
  }
  return [{ source: target, text, format: format ?? formatOf(text) }];
}

async function readStandardInput(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

async function fetchPage(url: string, accept: string): Promise<LintInput> {
  const wrong = (got: string): SightlineError =>
    new SightlineError(
      'SIGHTLINE_E_LINT_SOURCE',
      `got ${got} from ${url}, wanted a page of metrics; correct the address`,
    );
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, { headers: { accept }, signal: AbortSignal.timeout(FETCH_MILLIS) });
    const body = Buffer.from(await response.arrayBuffer());
    if (body.length > MAX_PAGE_BYTES) throw wrong(`more than ${MAX_PAGE_BYTES} bytes`);
    text = body.toString();
  } catch (error) {
    if (error instanceof SightlineError) throw error;
    throw wrong(fetchFailure(error));
  }
  if (!response.ok) throw wrong(`HTTP ${response.status}`);
  const open = response.headers.get('content-type')?.startsWith('application/openmetrics-text') === true;
  return { source: url, text, format: open ? 'openmetrics' : 'text' };
}
