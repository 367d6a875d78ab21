/** A query, or a part of one, that this stack does not answer. Said plainly: never a silent wrong answer. */
export class UnsupportedQuery extends Error {
  override readonly name = 'UnsupportedQuery';
}
