import { createInterface } from 'node:readline/promises';
import { type DeadLetter, letterKey } from '../../delivery/journal/dead-letter.ts';
import { takeLetters } from '../../delivery/journal/dead-letter-files.ts';
import { SightlineError } from '../../errors.ts';
import type { Command, Invocation, Output } from '../command.ts';
import { letterJson, letterLines, listLines } from '../dlq/report.ts';
import { retryLetters } from '../dlq/retry.ts';
import { FILTERS, type Selection, selectionOf } from '../dlq/selection.ts';
import { type ServiceDirectory, servicesWithLetters } from '../dlq/services.ts';
import { didYouMean, usageError } from '../usage.ts';

const VERBS = ['list', 'show', 'retry', 'drop', 'export'] as const;
type Verb = (typeof VERBS)[number];
/** Keys on one command line; more are chosen by filters. */
const MAX_KEYS = 1000;

/** `sightline dlq`: records that a backend has refused for good. */
export const dlqCommand: Command = {
  name: 'dlq',
  summary: 'dead letters: records that a backend has refused for good, with the reason',
  usage: 'list|show|retry|drop|export [KEY…]',
  options: { ...FILTERS, yes: { type: 'boolean', meaning: 'drop everything without being asked' } },
  positionals: [1, 1 + MAX_KEYS],
  notes: [
    'list    one line each, and what to do about each reason',
    'show    everything about those with these keys or that the filters choose',
    'retry   sends them again, under the ID they had: a running process of the service does it, or its next one',
    'drop    deletes them; needs a filter, a key or --yes',
    'export  the letters as JSON, one a line',
    'Works on SIGHTLINE_DATA_DIR, while the service runs and while it does not.',
  ],
  async run(invocation) {
    const [verb = '', ...keys] = invocation.positionals;
    if (!(VERBS as readonly string[]).includes(verb))
      throw usageError(
        dlqCommand,
        `got ${JSON.stringify(verb)}, wanted one of ${VERBS.join(', ')}${didYouMean(verb, VERBS)}`,
      );
    const selection = selectionOf(dlqCommand, invocation, keys);
    const services = servicesWithLetters(invocation.env);
    const chosen = services.flatMap(({ letters }) => letters.filter((letter) => selection.includes(letter)));
    const known = new Set(services.flatMap(({ letters }) => letters.map(letterKey)));
    const unknown = keys.filter((key) => !known.has(key));
    if (unknown.length > 0) {
      throw new SightlineError(
        'SIGHTLINE_E_NOT_FOUND',
        `got dead letter ${JSON.stringify(unknown[0])}, wanted the key of one that is there; it may have been sent again or dropped: see sightline dlq list`,
      );
    }
    return await RUN[verb as Verb]({ invocation, selection, services, chosen });
  },
};

interface Task {
  readonly invocation: Invocation;
  readonly selection: Selection;
  readonly services: readonly ServiceDirectory[];
  readonly chosen: readonly DeadLetter[];
}

const RUN: Readonly<Record<Verb, (task: Task) => Promise<number> | number>> = {
  list({ invocation: { json, out }, chosen }) {
    if (json) out.line(JSON.stringify({ total: chosen.length, deadLetters: chosen.map(letterJson) }));
    else if (chosen.length === 0) out.note('no dead letters');
    else for (const line of listLines(chosen, out)) out.line(line);
    return 0;
  },

  show({ invocation: { json, out }, selection, chosen }) {
    if (!selection.isNarrow) throw usageError(dlqCommand, 'got show without a key or filter, wanted which ones');
    if (json) out.line(JSON.stringify({ total: chosen.length, deadLetters: chosen.map(letterJson) }));
    for (const [at, letter] of chosen.entries()) {
      if (json) break;
      if (at > 0) out.line('');
      for (const line of letterLines(letter, out)) out.line(line);
    }
    return 0;
  },

  export({ invocation: { out }, chosen }) {
    for (const letter of chosen) out.line(JSON.stringify(letterJson(letter)));
    out.note(`${chosen.length} dead letters`);
    return 0;
  },

  retry({ invocation: { json, out }, selection, services }) {
    const results = services.flatMap(({ path }) => retryLetters(path, selection));
    const retried = results.reduce((sum, { count }) => sum + count, 0);
    if (json) out.line(JSON.stringify({ retried, services: results }));
    else
      for (const { service, count, sender } of results) out.line(`${service}: ${count} put back; ${SENDERS[sender]}`);
    if (retried === 0 && !json) out.note('nothing to send again');
    return 0;
  },

  async drop({ invocation: { json, out, values }, selection, services, chosen }) {
    if (!selection.isNarrow && values['yes'] !== true && !(await isAgreed(out, chosen.length))) return 1;
    const dropped = services.flatMap(({ path }) =>
      takeLetters(
        path,
        (letter) => selection.includes(letter),
        () => {},
      ),
    );
    if (json) out.line(JSON.stringify({ dropped: dropped.length }));
    else out.line(`${dropped.length} dropped`);
    return 0;
  },
};

const SENDERS = {
  running: 'a running process of the service sends them within half a minute',
  next: 'no process of the service runs: its next one sends them',
} as const;

async function isAgreed(out: Output, count: number): Promise<boolean> {
  if (process.stdin.isTTY !== true)
    throw usageError(dlqCommand, 'got drop without a filter or key, wanted one, or --yes for all there are');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(`Drop all ${count} dead letters? [y/N] `);
  terminal.close();
  if (/^y(es)?$/i.test(answer.trim())) return true;
  out.note('nothing dropped');
  return false;
}
