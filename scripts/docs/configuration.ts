import type { OptionRow } from '../../lib/bootstrap/option-row.ts';
import { Unacceptable } from '../../lib/bootstrap/option-types.ts';
import { OPTIONS, type OptionName } from '../../lib/bootstrap/options.ts';

/** What no parser with rules accepts: a URL of no scheme of ours, neither a number, nor a word, a pair or a header name. */
const PROBE = 'sightline-probe://x';

/** What a parser takes, in its own words: asked by giving it what it cannot take. */
function accepted(option: OptionRow<unknown>): string {
  const refusal = refusalOf(option, PROBE);
  if (refusal === undefined) return Array.isArray(option.parse(PROBE)) ? 'a list' : 'text';
  const wanted = refusal.replace(/^wanted /, '').replace(/, ".*" (?:is none|cannot be decoded)$/, '');
  if (!wanted.startsWith('one of ')) return wanted;
  const members = wanted.slice('one of '.length).split(', ');
  const several = refusalOf(option, `${members[0]},${members[0]}`) === undefined;
  return `${several ? 'a list of ' : ''}${members.map(code).join(', ')}`;
}

function refusalOf(option: OptionRow<unknown>, value: string): string | undefined {
  try {
    option.parse(value);
    return undefined;
  } catch (error) {
    if (!(error instanceof Unacceptable)) throw error;
    return error.message;
  }
}

function code(text: string): string {
  return `\`${text}\``;
}

/** Defaults that are values are set as code; those that are sentences stay as they are. */
function byDefault(text: string): string {
  return text === '–' || text === 'none' || text.includes('`') || /\s/.test(text) ? text : code(text);
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function tableRow([name, option]: [OptionName, OptionRow<unknown>]): string {
  const meaning = option.secret ? `${option.meaning}. A secret: never printed, never written` : option.meaning;
  const cells = [code(option.env), code(name), byDefault(option.default), accepted(option), meaning];
  return `| ${cells.map(cell).join(' | ')} |`;
}

/** docs/configuration.md. */
export function configurationPage(): string {
  const rows = (Object.entries(OPTIONS) as [OptionName, OptionRow<unknown>][]).map(tableRow);
  return `<!-- Generated from lib/bootstrap/options.ts by \`npm run generate\`. Do not edit. -->

# Configuration

Nothing has to be set. Every option has an environment variable, which is what the one line reads, and a name in code:

\`\`\`js
import { observe } from 'sightline';

observe({ serviceName: 'orders', adminPort: 0, ignorePaths: ['/livez', '/internal/*'] });
\`\`\`

- Code wins over the environment. In code a value may be a string, a number, a boolean, an array or an object; it is read as
  the environment variable would be.
- An empty environment variable counts as not set.
- All mistakes are reported at once, each with what was got, what was wanted and what to do. Under the one line they are printed
  (\`SIGHTLINE_E_OPTION\`) and the app runs unobserved; \`observe()\` throws them.
- A duration is a number with \`ms\`, \`s\`, \`m\`, \`h\` or \`d\`; without a unit, milliseconds. A size is a number with \`b\`, \`kb\`, \`mb\` or
  \`gb\`, powers of 1024; without a unit, bytes. A list is comma separated. \`true\` and \`1\`, \`false\` and \`0\` are booleans.
- \`$STACK\` is the value of \`SIGHTLINE_STACK_URL\`.

| variable | in code | default | accepted | meaning |
|---|---|---|---|---|
${rows.join('\n')}
`;
}
