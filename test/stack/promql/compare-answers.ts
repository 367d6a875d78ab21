/** Answers of two Prometheus APIs, compared point by point. */
/** Relative: the two languages round their transcendental functions differently. */
const TOLERANCE = 1e-9;
/** Variances of large numbers: Prometheus's depend on the order of series in the last digits. */
const VARIANCE_TOLERANCE = 1e-6;

export interface Answer {
  readonly status: string;
  readonly errorType?: string;
  readonly error?: string;
  readonly warnings?: readonly string[];
  readonly infos?: readonly string[];
  readonly data?: { readonly resultType: string; readonly result: any };
}

export async function ask(url: string, path: string, form: Record<string, string>): Promise<Answer> {
  const response = await fetch(`${url}/api/v1/${path}`, { method: 'POST', body: new URLSearchParams(form) });
  return (await response.json()) as Answer;
}

type Point = readonly [time: number, value: string];

/** Every point by its series and time. */
export function pointsOf({ data }: Answer): Map<string, string> {
  const points = new Map<string, string>();
  if (data === undefined) return points;
  if (data.resultType === 'scalar' || data.resultType === 'string')
    return points.set(String(data.result[0]), data.result[1]);
  for (const series of data.result as { metric: Record<string, string>; value?: Point; values?: readonly Point[] }[]) {
    const labels = JSON.stringify(Object.entries(series.metric).sort(([one], [other]) => (one < other ? -1 : 1)));
    for (const [time, value] of series.values ?? [series.value!]) points.set(`${labels} ${time}`, value);
  }
  return points;
}

function same(one: string | undefined, other: string | undefined, tolerance: number): boolean {
  if (one === other) return true;
  if (one === undefined || other === undefined) return false;
  const [left, right] = [Number(one), Number(other)];
  // What is no number to JavaScript (+Inf, -Inf) is equal as text or not at all.
  return Math.abs(left - right) <= tolerance * Math.max(Math.abs(left), Math.abs(right));
}

/** @returns how two answers differ; undefined when they do not */
export function difference(query: string, theirs: Answer, ours: Answer): string | undefined {
  if (theirs.status !== ours.status)
    return `status ${theirs.status}: ${theirs.error}, ours ${ours.status}: ${ours.error}`;
  if (theirs.status === 'error') {
    // Which of several conflicts is named first is open.
    const [their, our] = [theirs.error, ours.error].map((text) =>
      text?.replace(/^(?:found duplicate series|multiple matches for labels).*$/s, 'series conflict'),
    );
    return their === our && theirs.errorType === ours.errorType
      ? undefined
      : `error ${theirs.error}, ours ${ours.error}`;
  }
  if (theirs.data?.resultType !== ours.data?.resultType)
    return `type ${theirs.data?.resultType}, ours ${ours.data?.resultType}`;
  const [their, our] = [pointsOf(theirs), pointsOf(ours)];
  const tolerance = /(?:stddev|stdvar)(?!_over)/.test(query) ? VARIANCE_TOLERANCE : TOLERANCE;
  for (const key of new Set([...their.keys(), ...our.keys()]))
    if (!same(their.get(key), our.get(key), tolerance)) return `${key}: ${their.get(key)}, ours ${our.get(key)}`;
  for (const kind of ['warnings', 'infos'] as const) {
    const [one, other] = [theirs[kind] ?? [], ours[kind] ?? []].map((texts) => [...texts].sort().join('\n'));
    if (one !== other) return `${kind} ${one}, ours ${other}`;
  }
  return undefined;
}
