import type { QueryValue, ResultSeries } from './engine.ts';

/** What an answer is written from. */
interface Answered {
  readonly value: QueryValue;
  readonly warnings: readonly string[];
  readonly infos: readonly string[];
}

/**
 * The body of the answer to a query, in the shape of Prometheus's HTTP API.
 *
 * @param limit series; 0 = all
 */
export function answerJson({ value, warnings, infos }: Answered, limit: number): string {
  const cut = 'series' in value && limit > 0 && value.series.length > limit;
  const told = cut ? [...warnings, 'results truncated due to limit'] : warnings;
  return (
    `{"status":"success","data":{"resultType":"${value.type}","result":${resultText(value, cut ? limit : Number.POSITIVE_INFINITY)}}` +
    (told.length === 0 ? '' : `,"warnings":${JSON.stringify(told)}`) +
    (infos.length === 0 ? '' : `,"infos":${JSON.stringify(infos)}`) +
    '}'
  );
}

/** JSON by hand: a graph has tens of thousands of points. */
function resultText(value: QueryValue, most: number): string {
  switch (value.type) {
    case 'scalar':
      return `[${value.at / 1000},"${numberText(value.value)}"]`;
    case 'string':
      return `[${value.at / 1000},${JSON.stringify(value.value)}]`;
    case 'vector':
      return listOf(value.series, most, (series) => `"value":${pointText(series, 0)}`);
    case 'matrix':
      return listOf(value.series, most, (series) => {
        const points = Array.from(series.times, (_, index) => pointText(series, index));
        return `"values":[${points.join(',')}]`;
      });
  }
}

function listOf(series: readonly ResultSeries[], most: number, samples: (series: ResultSeries) => string): string {
  const texts = series.slice(0, most).map((one) => `{"metric":${JSON.stringify(one.labels)},${samples(one)}}`);
  return `[${texts.join(',')}]`;
}

function pointText({ times, values }: ResultSeries, index: number): string {
  return `[${times[index]! / 1000},"${numberText(values[index]!)}"]`;
}

/** As Prometheus writes a float in JSON. */
export function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value === Number.NEGATIVE_INFINITY) return '-Inf';
  return Object.is(value, -0) ? '-0' : String(value).replace(/e([+-])(\d)$/, 'e$10$2');
}
