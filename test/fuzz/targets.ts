import type { FuzzTarget } from './harness.ts';
import { ANSWERS } from './targets/answers.ts';
import { EXCEPTIONS } from './targets/exceptions.ts';
import { HEADERS } from './targets/headers.ts';
import { HOSTS } from './targets/hosts.ts';
import { LOG_LINES } from './targets/log-lines.ts';
import { METRICS } from './targets/metrics.ts';
import { OPTIONS_TARGET } from './targets/options.ts';
import { OPTIONS_CHILD } from './targets/options-child.ts';
import { RAW_HTTP } from './targets/raw-http.ts';
import { SPANS } from './targets/spans.ts';
import { STACK_HTTP } from './targets/stack-http.ts';
import { STACK_INGEST } from './targets/stack-ingest.ts';
import { STACK_PROMQL } from './targets/stack-promql.ts';
import { STACK_QUERIES } from './targets/stack-queries.ts';

/** Everything that takes what strangers send; a file each in `targets/`. */
export const TARGETS: readonly FuzzTarget[] = [
  HEADERS,
  HOSTS,
  LOG_LINES,
  SPANS,
  METRICS,
  EXCEPTIONS,
  OPTIONS_TARGET,
  OPTIONS_CHILD,
  ANSWERS,
  STACK_INGEST,
  STACK_PROMQL,
  STACK_QUERIES,
  STACK_HTTP,
  RAW_HTTP,
];
