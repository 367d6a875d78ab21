/**
 * Every name under which something must survive two copies of this package in one process.
 * One file, so that nobody invents a second spelling (pino `lib/symbols.js` has the same habit).
 */

/** On `globalThis`: the handle of the observation that is running. The second copy finds it and steps back. */
export const kRunning: unique symbol = Symbol.for('sightline.running');
/** On a request or response object: its `RequestScope`. */
export const kScope: unique symbol = Symbol.for('sightline.scope');
/** On `globalThis`: takes what span processors of ours see in the SDKs of the app. There while an observation runs. */
export const kSpanIntake: unique symbol = Symbol.for('sightline.span-intake');
/** On a server, socket, agent, request object or span processor of our own: never traced, logged or counted. */
export const kOwn: unique symbol = Symbol.for('sightline.own');
/** On a function that we have wrapped already. */
export const kWrapped: unique symbol = Symbol.for('sightline.wrapped');
