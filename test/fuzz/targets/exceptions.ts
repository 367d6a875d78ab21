/** Whatever is thrown is described, for spans, log lines and metrics. */
import assert from 'node:assert/strict';
import {
  causesOf,
  encodeError,
  errorFields,
  isErrorShape,
  serialisedErrorFields,
} from '../../../lib/logs/error-fields.ts';
import { createRedactor } from '../../../lib/logs/redact.ts';
import { labelValue, MAX_LABEL_VALUE } from '../../../lib/metrics/label-value.ts';
import { cleanAttributes, cleanValue } from '../../../lib/traces/attributes.ts';
import { describeException } from '../../../lib/traces/exception.ts';
import type { FuzzTarget } from '../harness.ts';
import { hostileError, hostileValue } from '../hostile-value.ts';
import { assertNoCanary, strictJson } from '../oracles.ts';

const redactor = createRedactor(undefined);
/** Message, stack with causes, and type of one error: characters. */
const MAX_DESCRIPTION = 60_000;

export const EXCEPTIONS: FuzzTarget = {
  name: 'exceptions',
  shortCases: 400,
  run(random) {
    const error = random.oneIn(4) ? hostileValue(random) : hostileError(random);
    const { type, message, stack } = describeException(error);
    for (const text of [type, message, stack]) assert.ok(text === undefined || typeof text === 'string');
    assert.ok(`${type}${message}${stack}`.length < MAX_DESCRIPTION, 'a description is bounded');
    const encoded = encodeError(errorFields(error, redactor));
    assert.ok(encoded.length < MAX_DESCRIPTION * 6);
    strictJson(`{${encoded.slice(1)}}`);
    assertNoCanary(encoded, 'an error');
    if (typeof error === 'object' && error !== null) assert.ok(causesOf(error).length <= 8);

    const value = hostileValue(random);
    const label = labelValue(value);
    assert.ok(label.isWellFormed() && label.length <= MAX_LABEL_VALUE, 'a label is bounded');
    const limit = random.size(500);
    const clean = cleanValue(value, limit);
    assert.ok(typeof clean !== 'string' || clean.length <= limit);
    assert.ok(Object.keys(cleanAttributes(value, 5, limit).attributes).length <= 5);
    let parsed: unknown;
    try {
      parsed = JSON.parse(JSON.stringify(value) ?? 'null');
    } catch {
      parsed = undefined;
    }
    if (isErrorShape(parsed)) strictJson(`{${encodeError(serialisedErrorFields(parsed, redactor)).slice(1)}}`);
    return (stack?.length ?? 0) * 4 + encoded.length * 4;
  },
};
