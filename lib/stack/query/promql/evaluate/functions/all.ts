import { ABSENCE } from './absence.ts';
import { CALENDAR } from './calendar.ts';
import { CONVERSIONS } from './conversion.ts';
import { HISTOGRAMS } from './histograms.ts';
import type { VectorFunction } from './implementation.ts';
import { LABELS } from './labels.ts';
import { MATHEMATICS } from './mathematics.ts';
import { ORDERING } from './ordering.ts';
import { OVER_TIME } from './over-time.ts';
import { RATES } from './rate.ts';
import { TRENDS } from './trend.ts';

/** Every function that yields an instant vector, by its name. */
export const VECTOR_FUNCTIONS: ReadonlyMap<string, VectorFunction> = new Map(
  [ABSENCE, CALENDAR, CONVERSIONS, HISTOGRAMS, LABELS, MATHEMATICS, ORDERING, OVER_TIME, RATES, TRENDS].flatMap(
    (family) => Object.entries(family),
  ),
);
