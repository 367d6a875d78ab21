/**
 * `npm run generate`: writes every generated file of the repository. With `--check` it writes nothing and fails when
 * one is not what it would write.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { statsdMapping, taggedMapping } from '../lib/codec/statsd-mapping.ts';
import { generatedFiles } from '../lib/dashboards/build.ts';
import { configurationPage } from './docs/configuration.ts';
import { dashboardsPage, runbooksPage } from './docs/dashboards.ts';
import { limitsPage } from './docs/limits.ts';
import { metricsPage } from './docs/metrics.ts';
import { privacyPage } from './docs/privacy.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** One row per generated file: its path and who makes its text. */
const FILES: readonly { readonly path: string; readonly make: () => string }[] = [
  { path: 'deploy/statsd/mapping.yml', make: statsdMapping },
  { path: 'deploy/statsd/mapping-dogstatsd.yml', make: () => taggedMapping('dogstatsd') },
  { path: 'deploy/statsd/mapping-influx.yml', make: () => taggedMapping('influx') },
  ...generatedFiles(),
  { path: 'docs/configuration.md', make: configurationPage },
  { path: 'docs/dashboards.md', make: dashboardsPage },
  { path: 'docs/runbooks/README.md', make: runbooksPage },
  { path: 'docs/limits.md', make: () => limitsPage(root) },
  { path: 'docs/metrics.md', make: metricsPage },
  { path: 'docs/privacy.md', make: privacyPage },
];

const check = process.argv.includes('--check');
let stale = 0;
for (const { path, make } of FILES) {
  const file = join(root, path);
  const text = make();
  if (existsSync(file) && readFileSync(file, 'utf8') === text) continue;
  if (check) {
    stale += 1;
    process.stderr.write(`${path} is not what 'npm run generate' writes; run it and commit the result\n`);
    continue;
  }
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  process.stdout.write(`wrote ${path}\n`);
}
process.exitCode = stale > 0 ? 1 : 0;
