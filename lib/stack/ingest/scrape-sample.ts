import type { Labels, Sample } from '../store/store.ts';
import type { ParsedSample } from './exposition-parser.ts';
import type { ScrapeJob } from './scrape-job.ts';
import { relabel } from './scrape-relabel.ts';

/** A page goes beyond a bound of its job: the scrape has failed. */
export class LimitExceeded extends Error {
  override readonly name = 'LimitExceeded';
}

export interface SampleContext {
  readonly job: ScrapeJob;
  readonly targetLabels: Labels;
  /** Time of the scrape, milliseconds since the epoch. */
  readonly at: number;
}

/**
 * A sample of a page as it is kept: with the labels of its target, relabelled, at its time.
 *
 * @returns undefined when relabelling drops it
 * @throws LimitExceeded; Error when relabelling leaves no name
 */
export function sampleOf(parsed: ParsedSample, { job, targetLabels, at }: SampleContext): Sample | undefined {
  const joined = job.honorLabels
    ? { ...targetLabels, ...parsed.labels }
    : withTargetLabels(parsed.labels, targetLabels);
  const labels = relabel(joined, job.metricRelabel);
  if (labels === undefined) return undefined;
  if (labels['__name__'] === undefined) throw new Error('missing metric name (__name__ label)');
  checkLabels(labels, job);
  const timestamp = (job.honorTimestamps ? parsed.timestamp : undefined) ?? at;
  const { exemplar } = parsed;
  return {
    labels,
    value: parsed.value,
    timestamp,
    ...(exemplar !== undefined && { exemplar: { ...exemplar, timestamp: exemplar.timestamp ?? timestamp } }),
  };
}

function checkLabels(labels: Labels, { limits }: ScrapeJob): void {
  const names = Object.keys(labels);
  if (limits.labels > 0 && names.length > limits.labels)
    throw new LimitExceeded(
      `label_limit exceeded (metric: ${labels['__name__']}, number of labels: ${names.length}, limit: ${limits.labels})`,
    );
  if (limits.labelName === 0 && limits.labelValue === 0) return;
  for (const name of names) {
    if (limits.labelName > 0 && Buffer.byteLength(name) > limits.labelName)
      throw new LimitExceeded(`label_name_length_limit exceeded (label name: ${name}, limit: ${limits.labelName})`);
    if (limits.labelValue > 0 && Buffer.byteLength(labels[name]!) > limits.labelValue)
      throw new LimitExceeded(`label_value_length_limit exceeded (label name: ${name}, limit: ${limits.labelValue})`);
  }
}

/** Labels of the target win; what they cover is kept as `exported_<name>` (Prometheus, `honor_labels: false`). */
export function withTargetLabels(labels: Labels, target: Labels): Labels {
  const joined: Record<string, string> = { ...labels, ...target };
  const covered = Object.keys(target).filter((name) => Object.hasOwn(labels, name) && labels[name] !== '');
  for (const name of covered.sort((one, other) => one.length - other.length)) {
    let free = `exported_${name}`;
    while (Object.hasOwn(joined, free)) free = `exported_${free}`;
    joined[free] = labels[name]!;
  }
  return joined;
}
