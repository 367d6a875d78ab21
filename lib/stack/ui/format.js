/** Microseconds as a person reads them, with their unit. */
export function duration(micros) {
  if (micros < 1000) return `${Math.round(micros)} µs`;
  const millis = micros / 1000;
  if (millis < 100) return `${millis.toFixed(1)} ms`;
  if (millis < 10_000) return `${Math.round(millis)} ms`;
  return `${(millis / 1000).toFixed(1)} s`;
}

/** Time of day with milliseconds, in the reader's zone. */
export function clock(micros) {
  const date = new Date(micros / 1000);
  const pad = (number, digits) => String(number).padStart(digits, '0');
  return `${pad(date.getHours(), 2)}:${pad(date.getMinutes(), 2)}:${pad(date.getSeconds(), 2)}.${pad(date.getMilliseconds(), 3)}`;
}

/** How long ago. */
export function ago(micros) {
  const seconds = Math.max(0, Math.round((Date.now() - micros / 1000) / 1000));
  if (seconds < 5) return 'just now';
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)} h ago` : `${Math.floor(seconds / 86_400)} d ago`;
}

export function plural(count, word) {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}

const HUES = 8;

/** A hue for every service: by its name, so that it keeps it everywhere; two on one page never share while there are enough. */
export function hues(services) {
  const taken = new Set();
  const found = new Map();
  for (const service of [...services].sort()) {
    let hash = 5381;
    for (const character of service) hash = (hash * 33 + character.codePointAt(0)) >>> 0;
    let hue = hash % HUES;
    for (let step = 0; taken.has(hue) && step < HUES; step += 1) hue = (hue + 1) % HUES;
    taken.add(hue);
    found.set(service, `var(--svc-${hue + 1})`);
  }
  return found;
}
