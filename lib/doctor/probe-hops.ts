import { allLetters } from '../delivery/journal/dead-letter-files.ts';
import type { Diagnosis } from '../model/diagnosis.ts';
import type { Destination } from './destinations.ts';
import { findAgain } from './find-again.ts';
import type { ProbeReport, ProbeSignal } from './probe.ts';

const NAMES: Readonly<Record<string, string>> = { logs: 'log lines', spans: 'spans' };

function hop(status: Diagnosis['status'], subject: string, text: string, fix?: string): Diagnosis {
  return {
    part: 'probe',
    status,
    subject,
    text,
    ...(fix !== undefined && fix !== '' && { fix }),
    ...(status === 'failed' && { code: 'SIGHTLINE_E_BACKEND' }),
  };
}

/** What became of the probe in the process: the ID, and the metrics. */
export function probeInside(report: ProbeReport, prometheus: boolean): Diagnosis[] {
  const { correlationId, echoed, metrics } = report;
  const found = [
    echoed === undefined
      ? hop('failed', 'request', 'the answer of the probe has no correlation ID', 'report this with the configuration')
      : hop('ok', 'request', `observed under ID ${correlationId}, which the answer repeats`),
  ];
  if (!prometheus) return found;
  const counted = /^http_server_request_duration_seconds_count\{[^}]*\} [1-9]/m.test(metrics);
  return [
    ...found,
    counted
      ? hop('ok', 'metrics', 'the request is counted on /metrics, which Prometheus scrapes by itself')
      : hop('failed', 'metrics', 'the request is not counted on /metrics', 'report this with the configuration'),
  ];
}

/** StatsD packets and pushed pages, which nobody acknowledges or keeps. */
export function probeBestEffort({ metrics }: ProbeReport, destinations: readonly Destination[]): Diagnosis[] {
  const count = (name: string, outcome: string): number =>
    Number(new RegExp(`^${name}\\{outcome="${outcome}"\\} (\\d+)`, 'm').exec(metrics)?.[1] ?? 0);
  return destinations.flatMap(({ signal, name, address }) => {
    const metric = { statsd: 'sightline_statsd_packets_total', pushes: 'sightline_metric_pushes_total' }[
      signal as string
    ];
    if (metric === undefined) return [];
    const [sent, dropped] = [count(metric, 'sent'), count(metric, 'dropped')];
    const what = signal === 'statsd' ? 'packets' : 'pages';
    if (sent > 0) return [hop('ok', signal, `${sent} ${what} sent to ${name} at ${address}`)];
    const text = `${dropped > 0 ? `${dropped} ${what} dropped` : `no ${what} sent`}, none taken by ${name} at ${address}`;
    return [hop('failed', signal, text, 'see what is said about the backend above')];
  });
}

/** Follows one signal from the journal to the backend, where it is looked for. @param directory of the probe's journal */
export async function probeSignal(
  report: ProbeReport,
  destination: Destination,
  directories: readonly string[],
): Promise<Diagnosis[]> {
  const { signal } = destination;
  const name = NAMES[signal] ?? signal;
  const seen = report.signals.find((candidate) => candidate.signal === signal);
  if (seen === undefined || seen.accepted === 0)
    return [hop('failed', signal, `no ${name} of the probe were accepted`, 'report this with the configuration')];
  const accepted = hop('ok', signal, `${seen.accepted} ${name} accepted, and appended to a journal`);
  return [accepted, ...(await outcomes(report, destination, seen, directories))];
}

async function outcomes(
  report: ProbeReport,
  destination: Destination,
  seen: ProbeSignal,
  directories: readonly string[],
): Promise<Diagnosis[]> {
  const { signal } = destination;
  const to = `${destination.name} at ${destination.address}`;
  const letter = directories.flatMap(allLetters).find((candidate) => candidate.signal === signal);
  if (letter !== undefined)
    return [hop('failed', signal, `${to} refused ${seen.deadLettered} of them: ${letter.reason}`, letter.fix)];
  const dropped = Object.entries(seen.dropped).map(([reason, count]) => `${count} ${reason}`);
  if (dropped.length > 0)
    return [
      hop('failed', signal, `dropped: ${dropped.join(', ')}`, 'docs/errors.md and docs/metrics.md say what it means'),
    ];
  if (seen.onDisk > 0) {
    const why = seen.error?.replace(`${destination.address}: `, '') ?? `the courier is ${seen.courier}`;
    return [
      hop(
        'failed',
        signal,
        `${seen.onDisk} of ${seen.accepted} are not delivered to ${to}: ${why}`,
        'see what is said about the backend above',
      ),
    ];
  }
  if (seen.sentUnconfirmed > 0)
    return [hop('ok', signal, `${seen.sentUnconfirmed} sent to ${to}; its protocol acknowledges nothing`)];
  const delivered = hop('ok', signal, `${seen.delivered} acknowledged by ${to}`);
  const found = await findAgain(destination, { ...report, wanted: seen.delivered });
  if (found.kind === 'found') return [delivered, hop('ok', signal, `${found.count} found there again under the ID`)];
  if (found.kind === 'silent')
    return [delivered, hop('info', signal, `this protocol has no questions: look there for ${report.correlationId}`)];
  return [delivered, hop('warn', signal, found.text, found.fix)];
}
