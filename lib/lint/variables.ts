/** The text for a variable in a format such as `regex`, `''` when none is written; undefined: no such variable. */
export type VariableValue = (name: string, format: string) => string | undefined;

const REFERENCE = /\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?:\.[^:^}]+)?(?::([^}]+))?\}/g;

/**
 * Puts values in the place of `$name`, `${name}`, `${name:format}` and `[[name]]` as Grafana does
 * (grafana/grafana, public/app/features/variables/utils.ts). A reference to nothing known stays as it is.
 */
export function substitute(text: string, value: VariableValue): string {
  return text.replace(
    REFERENCE,
    (match, plain?: string, old?: string, oldFormat?: string, braced?: string, format?: string) => {
      const name = plain ?? old ?? braced ?? '';
      return value(name, format ?? oldFormat ?? '') ?? match;
    },
  );
}

/** Names of the variables that a text refers to, each once. */
export function variablesIn(text: string): string[] {
  return [...new Set([...text.matchAll(REFERENCE)].map((match) => match[1] ?? match[2] ?? match[4] ?? ''))];
}
