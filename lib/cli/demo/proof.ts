import { SightlineError } from '../../errors.ts';
import type { CorrelationView } from '../../stack/correlate.ts';
import { fieldText } from '../../stack/query/document-fields.ts';
import { fetchCorrelation } from '../stack-client.ts';
import { SERVICE_NAMES } from './services.ts';

/** How long everything may take to arrive. */
const ARRIVAL_MILLIS = 30_000;
const POLL_MILLIS = 300;

/** What is not there yet of one request, one sentence part each; empty = it was found everywhere. */
export function missingParts(view: CorrelationView | undefined): string[] {
  const spans = new Set(view?.spans.map((span) => span.localEndpoint?.serviceName));
  const logs = new Set(view?.logs.map((document) => fieldText(document, 'service.name')));
  const missing: string[] = [];
  for (const name of SERVICE_NAMES) {
    if (!spans.has(name)) missing.push(`span of ${name}`);
    if (!logs.has(name)) missing.push(`log line of ${name}`);
  }
  if ((view?.exemplars.length ?? 0) === 0) missing.push('its trace in an exemplar');
  return missing;
}

/**
 * Waits until one of these IDs is found in the spans of all three services, in their logs, and its trace in an exemplar.
 *
 * @param ids newest last; the newest are the likeliest to be in an exemplar
 * @throws SightlineError SIGHTLINE_E_DEMO that names exactly what was missing of the ID that came furthest
 */
export async function proveOne(
  stackUrl: string,
  ids: readonly string[],
  options: { onWait: () => void; failed: Promise<never> },
): Promise<CorrelationView> {
  if (ids.length === 0) {
    throw new SightlineError(
      'SIGHTLINE_E_DEMO',
      'got answers without x-correlation-id, wanted one in each; the services are not observed: read what they say above',
    );
  }
  const deadline = performance.now() + ARRIVAL_MILLIS;
  let nearest: { id: string; missing: string[] } | undefined;
  let waiting = false;
  do {
    for (const id of ids.toReversed()) {
      const view = await Promise.race([fetchCorrelation(stackUrl, id), options.failed]);
      const missing = missingParts(view);
      if (missing.length === 0) return view!;
      if (nearest === undefined || missing.length <= nearest.missing.length) nearest = { id, missing };
    }
    if (!waiting) options.onWait();
    waiting = true;
    await Promise.race([new Promise((resolve) => setTimeout(resolve, POLL_MILLIS)), options.failed]);
  } while (performance.now() < deadline);
  throw new SightlineError(
    'SIGHTLINE_E_DEMO',
    `got ID ${nearest!.id} without ${nearest!.missing.join(', ')} after ${ARRIVAL_MILLIS / 1000} s, wanted it in the spans and logs of ${SERVICE_NAMES.join(', ')} and in an exemplar; read what the services say above, if anything`,
    nearest!.missing,
  );
}
