/**
 * `npm run cost [-- --requests 500] [--write]`: what observation costs in bytes, by feature and by control. Prints docs/cost.md;
 * `--write` writes it. Needs a build.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { costPage } from './cost/page.ts';
import { measureAll } from './cost/scenarios.ts';

const { values } = parseArgs({
  options: { requests: { type: 'string', default: '500' }, write: { type: 'boolean', default: false } },
});
const requests = Number(values.requests);
if (!Number.isInteger(requests) || requests < 1) {
  process.stderr.write(`got --requests ${values.requests}, wanted a whole number from 1\n`);
  process.exit(2);
}
const figures = await measureAll(requests, (what) => process.stderr.write(`measuring: ${what}\n`));
const page = costPage(figures, requests);
if (values.write) writeFileSync(new URL('../docs/cost.md', import.meta.url), page);
process.stdout.write(page);
