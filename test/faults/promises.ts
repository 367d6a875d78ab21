import type { CellResult, Delivery } from './cell.ts';
import type { DestinationKind } from './destinations.ts';
import type { Fault } from './faults.ts';

/** One cell of the matrix with what came out. */
export interface Row {
  readonly delivery: Delivery;
  readonly kind: DestinationKind;
  readonly name: string;
  /** Absent for the ends of a program. */
  readonly fault: Fault | undefined;
  readonly result: CellResult;
  /** Whether the machine had something else to do: then times say nothing. */
  readonly busy: boolean;
}

/** Exit codes that a program has without the one line, by how it ends. */
const BARE_ENDS: Readonly<Record<string, string>> = {
  normally: '0',
  exit: '7',
  throw: '1',
  reject: '1',
  SIGTERM: 'SIGTERM',
  SIGKILL: 'SIGKILL',
};

/** The rows of docs/reliability.md that a cell of journal mode contradicts; empty when it keeps all of them. */
export function brokenPromises({ delivery, fault, name, result }: Row): string[] {
  if (delivery !== 'journal') return [];
  const broken: string[] = [];
  const dropped = (signal: string): number =>
    Object.entries(result.ledger)
      .filter(([key]) => key.startsWith(`${signal} dropped`))
      .reduce((sum, [, count]) => sum + count, 0);
  for (const signal of ['logs', 'spans'] as const) {
    const { lost, repeated } = result[signal];
    // Whatever did not arrive is a counted drop, and only a disk that takes nothing drops.
    if (lost !== dropped(signal)) broken.push(`${signal}: ${lost} lost, ${dropped(signal)} counted as dropped`);
    if (lost > 0 && fault?.disk === undefined) broken.push(`${signal}: ${lost} lost`);
    const accepted = result.ledger[`${signal} accepted`];
    if (accepted !== undefined && accepted !== result.accepted)
      broken.push(`${signal}: ${result.accepted} made, ${accepted} accepted`);
    // A request that was cut or never answered may have been taken; only some protocols can tell a copy.
    const mayRepeat = signal === 'spans' && (fault === undefined || fault.answerLost === true || unanswered(fault));
    if (repeated > 0 && !mayRepeat) broken.push(`${signal}: ${repeated} repeated`);
  }
  if (!result.alive) broken.push('the program died');
  const ending = /^ends by (\w+)/.exec(name)?.[1] ?? 'normally';
  if (result.ended !== BARE_ENDS[ending]) broken.push(`ended by ${result.ended}, bare by ${BARE_ENDS[ending]}`);
  return broken;
}

/** Servers that were stopped or killed may have taken what they did not acknowledge. */
function unanswered({ name }: Fault): boolean {
  return /SIGKILL|SIGSTOP/.test(name);
}
