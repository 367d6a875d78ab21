import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainEsRefusal } from '../../lib/codec/es-refusal.ts';

/** What Elasticsearch 8.19 answered, and OpenSearch's older names. */
const CASES: readonly (readonly [string, RegExp, RegExp])[] = [
  [
    '[1:49] object mapping for [user] tried to parse field [user] as object, but found a concrete value',
    /^the field "user" is a text, number or list here, but an object in the index$/,
    /map "user" in the index template .* sightline dlq retry$/,
  ],
  [
    "[1:61] failed to parse field [name] of type [text] in document with id 'dsp3'. Preview of field's value: '{first=a}'",
    /^the field "name" is an object here, but of type text in the index$/,
    /under another name/,
  ],
  [
    "[1:51] failed to parse field [number] of type [long] in document with id 'd8p3'. Preview of field's value: 'no number'",
    /^the field "number" is 'no number' here, but of type long in the index$/,
    /ignore_malformed/,
  ],
  ['mapper [age] cannot be changed from type [long] to [text]', /^the field "age" is of another kind here/, /rollover/],
  [
    '[1:206] failed to parse: Limit of total fields [30] has been exceeded while adding new fields [22]',
    /^the index has its limit of 30 fields, and this record would add 22$/,
    /total_fields\.limit/,
  ],
  [
    'mapping set to strict, dynamic introduction of [x] within [_doc] is not allowed',
    /strict mapping without the field "x"/,
    /add the field/,
  ],
  ['[1:42] failed to parse: field name cannot be an empty string', /name would be an empty string/, /dlq drop$/],
  ['something new', /^400 some_type: something new$/, /correct what the answer names/],
];

for (const [text, reason, fix] of CASES) {
  test(text, () => {
    const explained = explainEsRefusal(`400 some_type: ${text}`);
    assert.match(explained.reason, reason);
    assert.match(explained.fix, fix);
  });
}
