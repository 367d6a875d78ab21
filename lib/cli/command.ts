/** One option of a command, as the parser and `--help` read it. */
export interface OptionSpecification {
  readonly type: 'string' | 'boolean';
  /** May be given more than once. */
  readonly multiple?: true;
  /** What stands for the value in `--help`, such as `DIR`. */
  readonly placeholder?: string;
  /** One line of `--help`. */
  readonly meaning: string;
}

export type OptionValue = string | boolean | readonly string[];

export interface Invocation {
  readonly values: Readonly<Record<string, OptionValue | undefined>>;
  readonly positionals: readonly string[];
  /** What stood after `--`, untouched. */
  readonly rest: readonly string[];
  readonly json: boolean;
  readonly env: NodeJS.ProcessEnv;
  readonly out: Output;
}

/** Where a command writes. Results go to stdout, everything about them to stderr. */
export interface Output {
  /** A line on stdout. */
  line(text: string): void;
  /** A line on stderr. */
  note(text: string): void;
  /** Whether stdout takes colours. */
  readonly colour: boolean;
  /** Columns of the terminal; 100 when it is none. */
  readonly width: number;
}

/** One command of the program; one file each in `commands/`. */
export interface Command {
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** Without `sightline NAME`, such as `ID`. */
  readonly usage: string;
  readonly options: Readonly<Record<string, OptionSpecification>>;
  /** Positional arguments, least and most. */
  readonly positionals: readonly [number, number];
  /** Whether `-- …` is taken. */
  readonly takesRest?: true;
  /** Lines below the options in `--help`. */
  readonly notes?: readonly string[];
  /**
   * @returns the exit code
   * @throws SightlineError, printed; exit 1, or 2 for SIGHTLINE_E_USAGE
   */
  run(invocation: Invocation): Promise<number>;
}
