import { perSample, type VectorFunction } from './implementation.ts';

function round(value: number, toNearest = 1): number {
  const inverse = 1 / toNearest;
  return Math.floor(value * inverse + 0.5) / inverse;
}

function clamp(value: number, least: number, most: number): number | undefined {
  return most < least ? undefined : Math.max(least, Math.min(most, value));
}

/** Functions of one sample: arithmetic, logarithms, trigonometry, bounds. */
export const MATHEMATICS: Readonly<Record<string, VectorFunction>> = {
  abs: perSample(Math.abs),
  acos: perSample(Math.acos),
  acosh: perSample(Math.acosh),
  asin: perSample(Math.asin),
  asinh: perSample(Math.asinh),
  atan: perSample(Math.atan),
  atanh: perSample(Math.atanh),
  ceil: perSample(Math.ceil),
  clamp: perSample((value, least, most) => clamp(value, least!, most!)),
  clamp_max: perSample((value, most) => clamp(value, Number.NEGATIVE_INFINITY, most!)),
  clamp_min: perSample((value, least) => clamp(value, least!, Number.POSITIVE_INFINITY)),
  cos: perSample(Math.cos),
  cosh: perSample(Math.cosh),
  deg: perSample((value) => (value * 180) / Math.PI),
  exp: perSample(Math.exp),
  floor: perSample(Math.floor),
  ln: perSample(Math.log),
  log10: perSample(Math.log10),
  log2: perSample(Math.log2),
  rad: perSample((value) => (value * Math.PI) / 180),
  round: perSample((value, toNearest) => round(value, toNearest)),
  sgn: perSample((value) => (value < 0 ? -1 : value > 0 ? 1 : value)),
  sin: perSample(Math.sin),
  sinh: perSample(Math.sinh),
  sqrt: perSample(Math.sqrt),
  tan: perSample(Math.tan),
  tanh: perSample(Math.tanh),
};
