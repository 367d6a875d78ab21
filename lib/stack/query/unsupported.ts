/** Characters of a refusal: it may repeat a part of the query. */
const MAX_MESSAGE = 1000;

/** A query, or a part of one, that this stack does not answer. Said plainly: never a silent wrong answer. */
export class UnsupportedQuery extends Error {
  override readonly name = 'UnsupportedQuery';

  constructor(message: string) {
    super(message.slice(0, MAX_MESSAGE));
  }
}
