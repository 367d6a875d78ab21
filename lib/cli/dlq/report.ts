import { type DeadLetter, letterKey } from '../../delivery/journal/dead-letter.ts';
import type { Output } from '../command.ts';
import { paint, printable } from '../output.ts';

/** A letter as JSON on the command line: with its key first. */
export function letterJson(letter: DeadLetter): object {
  return { key: letterKey(letter), ...letter };
}

/** One line a letter, the newest last; and one for each reason, with what to do. */
export function listLines(letters: readonly DeadLetter[], out: Output): string[] {
  const keys = letters.map(letterKey);
  const width = Math.max(...keys.map((key) => key.length));
  const lines = letters.map((letter, at) => {
    const when = letter.last.slice(0, 19).replace('T', ' ');
    const start = `${keys[at]!.padEnd(width)}  ${when}  ${letter.service.padEnd(12)}  ${String(letter.status ?? '–').padEnd(3)}  `;
    const room = Math.max(30, out.width - start.length);
    return `${paint(out, 'dim', start)}${cut(printable(letter.reason), room)}`;
  });
  return [...lines, '', ...fixLines(letters, out)];
}

function fixLines(letters: readonly DeadLetter[], out: Output): string[] {
  const byReason = Map.groupBy(letters, ({ reason, fix }) => JSON.stringify([reason, fix]));
  return [...byReason.values()].map((group) => {
    const { reason, fix } = group[0]!;
    return `${paint(out, 'bold', `${group.length} × ${printable(reason)}`)}: ${printable(fix)}`;
  });
}

function cut(text: string, room: number): string {
  return text.length <= room ? text : `${text.slice(0, room - 1)}…`;
}

/** Everything about one letter. */
export function letterLines(letter: DeadLetter, out: Output): string[] {
  const row = (name: string, value: string | number): string =>
    `${paint(out, 'dim', name.padEnd(12))} ${printable(String(value))}`;
  return [
    paint(out, 'bold', letterKey(letter)),
    row('service', letter.service),
    row('destination', letter.destination),
    row('reason', letter.reason),
    row('fix', letter.fix),
    row('HTTP status', letter.status ?? 'none: it was not sent'),
    row('answer', letter.response),
    row('attempts', letter.attempts),
    row('accepted', letter.accepted),
    row('first sent', letter.first),
    row('refused', letter.last),
    row('record', letter.record),
  ];
}
