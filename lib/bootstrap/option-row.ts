/** One option: how it is given, read and documented. */
export interface OptionRow<Value> {
  readonly env: string;
  /** As the documentation says it; `–` is none. */
  readonly default: string;
  readonly meaning: string;
  /** Never printed, never written anywhere. */
  readonly secret?: true;
  /** @throws Unacceptable with "wanted …" */
  readonly parse: (value: string) => Value;
}

/** @param secret true: its value is never shown */
export function row<Value>(
  env: string,
  byDefault: string,
  meaning: string,
  parse: (value: string) => Value,
  secret?: true,
): OptionRow<Value> {
  return { env, default: byDefault, meaning, parse, ...(secret && { secret }) };
}
