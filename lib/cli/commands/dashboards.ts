import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { generatedFiles } from '../../dashboards/build.ts';
import { type DashboardConfig, DEFAULT_CONFIG, dashboards } from '../../dashboards/index.ts';
import { SightlineError } from '../../errors.ts';
import type { Command, Invocation, OptionValue } from '../command.ts';
import { GrafanaClient, grafanaToken } from '../grafana-client.ts';
import { printable } from '../output.ts';
import { OVERWRITE_RULES, type OverwriteRule, type PushOutcome, pushDashboards } from '../push-dashboards.ts';
import { didYouMean, usageError } from '../usage.ts';

const ACTIONS = ['list', 'export', 'push'] as const;
const PREFIX = /^[a-z0-9-]{1,20}$/;

const text = (value: OptionValue | undefined): string | undefined => (typeof value === 'string' ? value : undefined);

/** `sightline dashboards`: the packaged dashboards and rules, as files or in a Grafana. */
export const dashboardsCommand: Command = {
  name: 'dashboards',
  summary: 'the Grafana dashboards and the rules: list, export to a folder, push to a Grafana',
  usage: 'list | export DIR | push URL',
  options: {
    share: { type: 'boolean', meaning: 'export: the build for the import dialog, which asks for each data source' },
    folder: {
      type: 'string',
      placeholder: 'TITLE',
      meaning: 'push: the folder, made when it is not there (default Sightline)',
    },
    overwrite: {
      type: 'string',
      placeholder: 'RULE',
      meaning: 'push: what is replaced: none, ours (by the tags; default), all',
    },
    'dry-run': { type: 'boolean', meaning: 'push: say what would be done, and where dashboards differ' },
    prefix: { type: 'string', placeholder: 'TEXT', meaning: 'in front of each uid (default sightline)' },
    runbooks: { type: 'string', placeholder: 'URL', meaning: 'where the alerts link to for runbooks' },
    grafana: { type: 'string', placeholder: 'URL', meaning: 'where the alerts link to for dashboards' },
  },
  positionals: [1, 2],
  notes: [
    'push takes the token of a service account from SIGHTLINE_GRAFANA_TOKEN, and skips what is the same already. Exit code 1:',
    'something was refused, or kept because it is somebody else’s.',
  ],
  async run(invocation) {
    const [action = '', target] = invocation.positionals;
    if (!(ACTIONS as readonly string[]).includes(action))
      throw usageError(
        dashboardsCommand,
        `got ${JSON.stringify(action)}, wanted ${ACTIONS.join(', ')}${didYouMean(action, ACTIONS)}`,
      );
    const config = configOf(invocation);
    if (action === 'list') {
      if (target !== undefined)
        throw usageError(dashboardsCommand, `got ${JSON.stringify(target)} after list, wanted nothing`);
      return list(config, invocation);
    }
    if (target === undefined)
      throw usageError(
        dashboardsCommand,
        `got no ${action === 'export' ? 'folder' : 'address'}, wanted ${action} ${action === 'export' ? 'DIR' : 'URL'}`,
      );
    return action === 'export' ? exportTo(target, config, invocation) : push(target, config, invocation);
  },
};

function configOf({ values }: Invocation): DashboardConfig {
  const prefix = text(values['prefix']) ?? DEFAULT_CONFIG.uidPrefix;
  if (!PREFIX.test(prefix))
    throw usageError(dashboardsCommand, `got --prefix ${JSON.stringify(prefix)}, wanted 1 to 20 of a-z, 0-9 and -`);
  const url = (name: string, fallback: string): string => {
    const given = text(values[name]);
    if (given === undefined) return fallback;
    if (!URL.canParse(given))
      throw usageError(dashboardsCommand, `got --${name} ${JSON.stringify(given)}, wanted a URL`);
    return given.replace(/\/+$/, '');
  };
  return {
    ...DEFAULT_CONFIG,
    uidPrefix: prefix,
    runbookUrl: url('runbooks', DEFAULT_CONFIG.runbookUrl),
    grafanaUrl: url('grafana', DEFAULT_CONFIG.grafanaUrl),
  };
}

function list(config: DashboardConfig, { json, out }: Invocation): number {
  const all = dashboards(config).map(({ uid, title, description }) => ({ uid, title, description }));
  if (json) out.line(JSON.stringify({ dashboards: all }));
  const width = Math.max(...all.map(({ uid }) => uid.length));
  if (!json) for (const { uid, title, description } of all) out.line(`${uid.padEnd(width)}  ${title}: ${description}`);
  return 0;
}

function exportTo(directory: string, config: DashboardConfig, { values, json, out }: Invocation): number {
  const from = values['share'] === true ? 'dashboards/json/share' : 'dashboards/json';
  const written: string[] = [];
  for (const { path, make } of generatedFiles(config)) {
    const isRule = path.startsWith('dashboards/json/rules/');
    if (!isRule && dirname(path) !== from) continue;
    const file = join(directory, relative(isRule ? 'dashboards/json' : from, path));
    try {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, make());
    } catch (error) {
      throw new SightlineError(
        'SIGHTLINE_E_EXPORT',
        `got ${(error as Error).message}, wanted to write ${file}; give a folder that can be written`,
      );
    }
    written.push(file);
  }
  if (json) out.line(JSON.stringify({ files: written }));
  else for (const file of written) out.line(file);
  return 0;
}

async function push(url: string, config: DashboardConfig, { values, env, json, out }: Invocation): Promise<number> {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw usageError(
      dashboardsCommand,
      `got ${JSON.stringify(url)}, wanted the address of Grafana, such as http://127.0.0.1:3000`,
    );
  const overwrite = text(values['overwrite']) ?? 'ours';
  if (!(OVERWRITE_RULES as readonly string[]).includes(overwrite))
    throw usageError(
      dashboardsCommand,
      `got --overwrite ${overwrite}, wanted ${OVERWRITE_RULES.join(', ')}${didYouMean(overwrite, OVERWRITE_RULES)}`,
    );
  const dryRun = values['dry-run'] === true;
  const outcomes = await pushDashboards({
    client: new GrafanaClient(url, grafanaToken(env)),
    dashboards: dashboards(config),
    folder: text(values['folder']) ?? 'Sightline',
    overwrite: overwrite as OverwriteRule,
    dryRun,
    message: 'sightline dashboards push',
  });
  if (json) out.line(JSON.stringify({ dryRun, dashboards: outcomes }));
  else for (const outcome of outcomes) for (const line of linesOf(outcome, dryRun)) out.line(line);
  return outcomes.some(({ action, reason }) => action === 'kept' && reason !== '--overwrite none') ? 1 : 0;
}

const DONE = { create: 'created', replace: 'replaced', unchanged: 'unchanged', kept: 'kept' } as const;
const PLANNED = {
  create: 'would create',
  replace: 'would replace',
  unchanged: 'unchanged',
  kept: 'would keep',
} as const;

function linesOf({ uid, action, reason, differences }: PushOutcome, dryRun: boolean): string[] {
  const head = `${(dryRun ? PLANNED : DONE)[action]} ${uid}${reason === undefined ? '' : ` (${printable(reason)})`}`;
  return dryRun || action === 'kept' ? [head, ...differences.map((line) => `  ${printable(line)}`)] : [head];
}
