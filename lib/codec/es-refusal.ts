/** Why a document will never be taken, for somebody who has to mend it. */
export interface Explanation {
  readonly reason: string;
  /** What to do, in one sentence that ends with how the document gets in after all. */
  readonly fix: string;
}

const AGAIN = 'then send it again with: sightline dlq retry';
/** Characters of a field's name or value that are repeated. */
const MAX_QUOTED = 100;

/** What Elasticsearch 8 and 9 and OpenSearch say, and what it means. The first that matches explains. */
const MEANINGS: readonly (readonly [RegExp, (...groups: string[]) => Explanation])[] = [
  [
    /object mapping for \[([^\]]*)\] tried to parse field \[[^\]]*\] as object, but found a concrete value/,
    (field) => conflict(field, 'is a text, number or list here', 'an object'),
  ],
  [
    /failed to parse field \[([^\]]*)\] of type \[([^\]]*)\](?:.*?Preview of field's value: '([\s\S]*)')?/,
    (field, type, value) =>
      conflict(field, value?.startsWith('{') ? 'is an object here' : `is ${quoted(value)} here`, `of type ${type}`),
  ],
  [
    /can't merge a non object mapping \[([^\]]*)\] with an object mapping|mapper \[([^\]]*)\] cannot be changed from type/,
    (one, other) => conflict(one || other, 'is of another kind here', 'otherwise'),
  ],
  [
    /Limit of total fields \[(\d+)\] has been exceeded(?: while adding new fields \[(\d+)\])?/,
    (limit, count) => ({
      reason: `the index has its limit of ${limit} fields, and this record would add ${count || 'more'}`,
      fix: `log data whose names are made of data under one field that is mapped as flattened, or raise index.mapping.total_fields.limit of the stream, ${AGAIN}`,
    }),
  ],
  [
    /dynamic introduction of \[([^\]]*)\] within \[([^\]]*)\] is not allowed/,
    (field) => ({
      reason: `the index has a strict mapping without the field "${cut(field)}"`,
      fix: `add the field to the mapping, ${AGAIN}`,
    }),
  ],
  [
    /immense term in field="([^"]*)"|field \[([^\]]*)\].*?longer than the max length/,
    (one, other) => ({
      reason: `the field "${cut(one || other)}" is longer than an index term may be (32766 bytes)`,
      fix: `log less in it, or map it as text or with ignore_above, and roll the stream over, ${AGAIN}`,
    }),
  ],
  [
    /field name cannot (contain only dots|be an empty string|contain only whitespace)/,
    (what) => ({
      reason: `it has a field whose name would ${what}`,
      fix: 'log it under a name; this record cannot be stored as it is: export it, or drop it with: sightline dlq drop',
    }),
  ],
];

function cut(text: string | undefined): string {
  return (text ?? '').slice(0, MAX_QUOTED);
}

function quoted(value: string | undefined): string {
  return value === undefined ? 'something else' : `'${cut(value)}'`;
}

function conflict(field: string | undefined, here: string, there: string): Explanation {
  const name = cut(field);
  return {
    reason: `the field "${name}" ${here}, but ${there} in the index`,
    fix: `log it always as one kind, or under another name; for what is here, map "${name}" in the index template so that it takes both (type flattened, or ignore_malformed) and roll the stream over (POST STREAM/_rollover), ${AGAIN}`,
  };
}

/** What the refusal of one document means. @param answer status, type and text of its error, bounded */
export function explainEsRefusal(answer: string): Explanation {
  for (const [pattern, explain] of MEANINGS) {
    const match = pattern.exec(answer);
    if (match !== null) return explain(...match.slice(1));
  }
  return { reason: answer, fix: `correct what the answer names, in the app or in the mapping, ${AGAIN}` };
}
