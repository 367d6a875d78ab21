/** Stated relative error of every quantile within the range: 2 %. */
export const SKETCH_RELATIVE_ERROR = 0.02;
/** Below it, durations are one bucket: 0.1 ms. */
const LOWEST_SECONDS = 0.0001;
/** Above it, too: one hour. */
const HIGHEST_SECONDS = 3600;

const GAMMA = (1 + SKETCH_RELATIVE_ERROR) / (1 - SKETCH_RELATIVE_ERROR);
const LOG_GAMMA = Math.log(GAMMA);
const OFFSET = Math.ceil(Math.log(LOWEST_SECONDS) / LOG_GAMMA);

/** Buckets of a sketch: fixed, about 430. */
export const SKETCH_BUCKETS = Math.ceil(Math.log(HIGHEST_SECONDS) / LOG_GAMMA) - OFFSET + 1;

/**
 * The bucket of a duration: logarithmic, as in Masson, Rim, Lee, "DDSketch" (VLDB 2019) with a fixed range.
 * @param seconds finite, not negative
 */
export function sketchBucket(seconds: number): number {
  if (seconds <= LOWEST_SECONDS) return 0;
  const index = Math.ceil(Math.log(seconds) / LOG_GAMMA) - OFFSET;
  return Math.min(SKETCH_BUCKETS - 1, Math.max(0, index));
}

/** The value that stands for a bucket: at most `SKETCH_RELATIVE_ERROR` from every duration in it. */
function sketchValue(bucket: number): number {
  return (2 * GAMMA ** (bucket + OFFSET)) / (GAMMA + 1);
}

/**
 * The quantile of all counts; 0 when there is none.
 * @param quantile between 0 and 1; the nearest-rank definition
 */
export function sketchQuantile(counts: ArrayLike<number>, quantile: number): number {
  let total = 0;
  for (let index = 0; index < counts.length; index += 1) total += counts[index] as number;
  if (total === 0) return 0;
  const rank = Math.max(1, Math.ceil(quantile * total));
  let seen = 0;
  for (let index = 0; index < counts.length; index += 1) {
    seen += counts[index] as number;
    if (seen >= rank) return sketchValue(index);
  }
  return sketchValue(counts.length - 1);
}
