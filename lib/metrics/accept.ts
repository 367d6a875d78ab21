import type { ExpositionFormat } from '../codec/prometheus-text.ts';

interface Offer {
  readonly format: ExpositionFormat;
  readonly type: string;
  readonly subtype: string;
  readonly version: string;
}

/** What we can write. A range that names another version of the same type does not match. */
const OFFERS: readonly Offer[] = [
  { format: 'text', type: 'text', subtype: 'plain', version: '0.0.4' },
  { format: 'openmetrics', type: 'application', subtype: 'openmetrics-text', version: '1.0.0' },
];
/** Longest Accept header that is read; Prometheus sends 250 bytes. */
const MAX_ACCEPT = 4096;

interface Range {
  readonly type: string;
  readonly subtype: string;
  readonly version: string | undefined;
  readonly quality: number;
}

function parseRange(text: string): Range | undefined {
  const [media = '', ...parameters] = text.split(';');
  const [type = '', subtype = ''] = media.trim().toLowerCase().split('/');
  if (type === '' || subtype === '') return undefined;
  let version: string | undefined;
  let quality = 1;
  for (const parameter of parameters) {
    const [key = '', value = ''] = parameter.split('=');
    const bare = value.trim().replace(/^"(.*)"$/, '$1');
    if (key.trim().toLowerCase() === 'version') version = bare;
    if (key.trim().toLowerCase() === 'q') quality = Number(bare);
  }
  return { type, subtype, version, quality: quality >= 0 && quality <= 1 ? quality : 0 };
}

/** 0 = no match; higher is more specific (RFC 9110 §12.5.1). */
function specificity(range: Range, offer: Offer): number {
  if (range.type === '*' && range.subtype === '*') return 1;
  if (range.type !== offer.type) return 0;
  if (range.subtype === '*') return 2;
  if (range.subtype !== offer.subtype) return 0;
  if (range.version === undefined) return 3;
  return range.version === offer.version ? 4 : 0;
}

/**
 * The format that a scraper likes best (RFC 9110 §12.5.1: the most specific range sets the quality of an offer).
 * OpenMetrics, which carries exemplars, wins a tie when it was named; the older text is the answer to everything else,
 * also to what we cannot satisfy: a page is worth more to a human with curl than a 406.
 */
export function negotiate(accept: string | undefined): ExpositionFormat {
  if (accept === undefined || accept.length > MAX_ACCEPT) return 'text';
  const ranges = accept
    .split(',')
    .map(parseRange)
    .filter((range) => range !== undefined);
  const best = (offer: Offer): { quality: number; named: boolean } => {
    let chosen = { specific: 0, quality: 0 };
    for (const range of ranges) {
      const specific = specificity(range, offer);
      if (specific > chosen.specific) chosen = { specific, quality: range.quality };
    }
    return { quality: chosen.quality, named: chosen.specific >= 3 };
  };
  const [text, openMetrics] = OFFERS.map(best) as [ReturnType<typeof best>, ReturnType<typeof best>];
  if (openMetrics.quality > text.quality) return 'openmetrics';
  return openMetrics.named && openMetrics.quality > 0 && openMetrics.quality === text.quality ? 'openmetrics' : 'text';
}
