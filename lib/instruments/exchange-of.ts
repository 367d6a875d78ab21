import type { Exchange } from './outbound.ts';

/** On a client request and its response: their `Exchange`. */
export const kExchange = Symbol('sightline.exchange');

export interface Exchanging {
  [kExchange]?: Exchange | undefined;
}
