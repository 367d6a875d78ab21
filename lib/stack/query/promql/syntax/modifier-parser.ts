import type { VectorMatching } from './ast.ts';
import { parseNumberLiteral } from './duration-parser.ts';
import { parseLabelList } from './selector-parser.ts';
import type { TokenStream } from './token-stream.ts';

/** What stands between a binary operator and its right side. */
export interface BinaryModifiers {
  readonly returnBool: boolean;
  readonly matching: VectorMatching;
}

/** Reads `bool`, `on`, `ignoring`, `group_left`, `group_right` and `fill`, in this order. */
export class BinaryModifierParser {
  readonly #tokens: TokenStream;

  constructor(tokens: TokenStream) {
    this.#tokens = tokens;
  }

  /** @throws ParseError */
  read(): BinaryModifiers {
    const returnBool = this.#tokens.takeIf('bool') !== undefined;
    const clause = this.#tokens.takeIf('on') ?? this.#tokens.takeIf('ignoring');
    const labels = clause === undefined ? [] : parseLabelList(this.#tokens);
    const group =
      clause === undefined ? undefined : (this.#tokens.takeIf('group_left') ?? this.#tokens.takeIf('group_right'));
    const include = group !== undefined && this.#tokens.is('(') ? parseLabelList(this.#tokens) : [];
    return {
      returnBool,
      matching: {
        cardinality: group === undefined ? 'one-to-one' : group.kind === 'group_left' ? 'many-to-one' : 'one-to-many',
        on: clause?.kind === 'on',
        labels,
        include,
        ...this.#fills(),
      },
    };
  }

  #fills(): { fillLeft?: number; fillRight?: number } {
    if (this.#tokens.takeIf('fill') !== undefined) {
      const value = this.#fillValue();
      return { fillLeft: value, fillRight: value };
    }
    const fills: { fillLeft?: number; fillRight?: number } = {};
    for (;;) {
      if (fills.fillLeft === undefined && this.#tokens.takeIf('fill_left') !== undefined)
        fills.fillLeft = this.#fillValue();
      else if (fills.fillRight === undefined && this.#tokens.takeIf('fill_right') !== undefined)
        fills.fillRight = this.#fillValue();
      else return fills;
    }
  }

  #fillValue(): number {
    this.#tokens.expect('(');
    const sign = this.#tokens.takeIf('-') ?? this.#tokens.takeIf('+');
    if (!this.#tokens.is('number') && !this.#tokens.is('duration')) this.#tokens.unexpected();
    const { value } = parseNumberLiteral(this.#tokens);
    this.#tokens.expect(')');
    return sign?.kind === '-' ? -value : value;
  }
}
