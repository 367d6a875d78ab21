import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { targetsDirectory } from '../../core/data-dir.ts';
import { allLetters } from '../../delivery/journal/dead-letter-files.ts';
import { journalBytes, listJournals } from '../../delivery/journal/journal-directory.ts';
import { LeaseWatch } from '../../delivery/journal/lease.ts';
import { currentOwner } from '../../delivery/journal/owner.ts';
import type { Diagnosis } from '../../model/diagnosis.ts';
import { serviceDirectories } from '../dlq/services.ts';

/** How long a process may take to tell its health, milliseconds. */
const HEALTH_MILLIS = 3000;
/** Processes that are asked. */
const MAX_PROCESSES = 100;

interface Announced {
  readonly job: string;
  readonly address: string;
}

/** Processes that announce their admin port in the data directory, with their ledgers. */
export async function checkProcesses(env: NodeJS.ProcessEnv): Promise<Diagnosis[]> {
  const announced = announcedProcesses(targetsDirectory(env)).slice(0, MAX_PROCESSES);
  if (announced.length === 0) {
    const text = 'none of this data directory has an open admin port';
    return [{ part: 'process', status: 'info', subject: 'running', text }];
  }
  return (await Promise.all(announced.map((process) => askProcess(process, env['SIGHTLINE_ADMIN_TOKEN'])))).flat();
}

function announcedProcesses(directory: string): Announced[] {
  let names: string[] = [];
  try {
    names = readdirSync(directory).filter((name) => name.endsWith('.json'));
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    try {
      const groups = JSON.parse(readFileSync(join(directory, name), 'utf8')) as {
        targets: string[];
        labels?: Record<string, string>;
      }[];
      return groups.flatMap(({ targets, labels }) =>
        targets.map((address) => ({ job: String(labels?.['job'] ?? name), address: String(address) })),
      );
    } catch {
      return [];
    }
  });
}

interface LedgerDetail {
  readonly componentId: string;
  readonly status: string;
  readonly courier: string;
  readonly accepted: number;
  readonly delivered: number;
  readonly sentUnconfirmed?: number;
  readonly onDisk: number;
  readonly deadLettered: number;
  readonly dropped: Readonly<Record<string, number>>;
  readonly output?: string;
}

async function askProcess({ job, address }: Announced, token: string | undefined): Promise<Diagnosis[]> {
  const about = (status: Diagnosis['status'], text: string, fix?: string): Diagnosis => ({
    part: 'process',
    status,
    subject: job,
    text: `${address}: ${text}`,
    ...(fix !== undefined && { fix }),
  });
  try {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const answer = await fetch(`http://${address}/health`, { headers, signal: AbortSignal.timeout(HEALTH_MILLIS) });
    if (answer.status === 403) return [about('info', 'runs; /health wants SIGHTLINE_ADMIN_TOKEN')];
    const page = (await answer.json()) as { status?: string; checks?: Record<string, LedgerDetail[]> };
    const ledgers = page.checks?.['telemetry:delivery'] ?? [];
    return [
      about('ok', `runs, health ${String(page.status)}`),
      ...ledgers
        .filter(({ courier }) => courier !== 'off')
        .map((ledger) => {
          const failing = ledger.status === 'warn';
          const fix =
            ledger.courier === 'failing'
              ? 'see what is said about the backend above'
              : 'see sightline dlq list, and docs/metrics.md for the reasons of drops';
          return about(failing ? 'warn' : 'ok', ledgerText(ledger), failing ? fix : undefined);
        }),
    ];
  } catch (error) {
    const { cause, message } = error as Error;
    const why = (cause as NodeJS.ErrnoException | undefined)?.code ?? message;
    return [
      about(
        'warn',
        `announced, and does not answer (${why})`,
        'it was killed, or is busy; the next process of the service takes the announcement away',
      ),
    ];
  }
}

/** The balance of one signal: what was accepted, and what became of it. */
function ledgerText(ledger: LedgerDetail): string {
  const parts = [
    `${ledger.delivered} delivered`,
    ...((ledger.sentUnconfirmed ?? 0) > 0 ? [`${ledger.sentUnconfirmed} sent unconfirmed`] : []),
    `${ledger.onDisk} on disk`,
    `${ledger.deadLettered} dead letters`,
    ...Object.entries(ledger.dropped).map(([reason, count]) => `${count} dropped (${reason})`),
  ];
  const state = ledger.output === undefined ? `courier ${ledger.courier}` : ledger.output;
  return `${ledger.componentId}: ${ledger.accepted} accepted = ${parts.join(' + ')}; ${state}`;
}

/** What is on disk, by service: journals of the living and of the dead, dead letters. */
export function checkJournals(env: NodeJS.ProcessEnv): Diagnosis[] {
  const self = currentOwner();
  const leases = new LeaseWatch();
  return serviceDirectories(env).flatMap((directory): Diagnosis[] => {
    const subject = basename(directory).replace(/-[0-9a-f]{12}$/, '');
    const journals = listJournals(directory);
    const living = journals.filter(({ owner, path }) => owner !== undefined && !leases.isGone(owner, self, path));
    const waiting = journals.filter((entry) => !living.includes(entry));
    const size = (entries: typeof journals): string =>
      `${Math.ceil(entries.reduce((sum, { path }) => sum + journalBytes(path), 0) / 1024)} KB`;
    const letters = allLetters(directory).length;
    const found: Diagnosis[] = [];
    if (living.length > 0) {
      const pids = living.map(({ owner }) => owner?.pid).join(', ');
      found.push({ part: 'process', status: 'info', subject, text: `journal of process ${pids}, ${size(living)}` });
    }
    if (waiting.length > 0) {
      const text = `${waiting.length} journals of processes that are gone, ${size(waiting)}: the next process of the service with these destinations sends them`;
      found.push({
        part: 'process',
        status: living.length > 0 ? 'info' : 'warn',
        subject,
        text,
        fix: 'start the service',
      });
    }
    if (letters > 0)
      found.push({
        part: 'process',
        status: 'warn',
        subject,
        text: `${letters} dead letters: records that a backend has refused for good`,
        fix: 'see sightline dlq list for reasons and fixes',
      });
    return found;
  });
}
