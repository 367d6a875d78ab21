/** What `sightline doctor` looks at, in this order. */
export const DIAGNOSIS_PARTS = ['configuration', 'data', 'backend', 'probe', 'process'] as const;

/** One thing that was looked at. */
export interface Diagnosis {
  readonly part: (typeof DIAGNOSIS_PARTS)[number];
  /** `info` is neither good nor bad. */
  readonly status: 'ok' | 'info' | 'warn' | 'failed';
  /** What was looked at, such as `logs`. */
  readonly subject: string;
  /** What was found, one sentence without its full stop. */
  readonly text: string;
  /** What to do; absent when there is nothing. */
  readonly fix?: string;
  /** Of an error that users may search for. */
  readonly code?: string;
}

/** From the program that diagnoses to the command that started it. */
export type DoctorMessage =
  | { readonly kind: 'found'; readonly diagnosis: Diagnosis }
  /** What takes time now. */
  | { readonly kind: 'doing'; readonly text: string }
  | { readonly kind: 'end' };
