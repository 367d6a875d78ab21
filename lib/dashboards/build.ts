import { DEFAULT_CONFIG } from './config.ts';
import { dashboards } from './index.ts';
import { alertRules } from './rules/alerts.ts';
import { recordingRules } from './rules/recording.ts';
import { rulesFile } from './rules/yaml.ts';
import { shared } from './share.ts';

/** A generated file: its path in the repository, and its text. */
export interface GeneratedFile {
  readonly path: string;
  readonly make: () => string;
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** Dashboards for provisioning and for the import dialog, and the rules, with the default configuration. */
export function generatedFiles(): GeneratedFile[] {
  const config = DEFAULT_CONFIG;
  return [
    ...dashboards(config).flatMap((dashboard): GeneratedFile[] => [
      { path: `dashboards/json/${dashboard.uid}.json`, make: () => json(dashboard) },
      { path: `dashboards/json/share/${dashboard.uid}.json`, make: () => json(shared(dashboard)) },
    ]),
    { path: 'dashboards/json/rules/recording.yml', make: () => rulesFile(recordingRules(config.objectives), config) },
    { path: 'dashboards/json/rules/alerts.yml', make: () => rulesFile(alertRules(config), config) },
  ];
}
