import type { SpanContext } from '@opentelemetry/api';
import { FLAG_SAMPLED, isTraceId, TraceSpanContext } from '../context/span-context.ts';
import { type RequestTarget, type RouteRule, ruleFor } from './route-rules.ts';

/** Decides whether a span is recorded and sent. Asked once per span; must not throw. */
export interface Sampler {
  /**
   * @param parent the parent, or a context without IDs that only carries a decision; undefined for a new trace
   * @param traceId of the span to start
   * @param target of the span of an inbound request
   */
  shouldSample(parent: SpanContext | undefined, traceId: string, target?: RequestTarget): boolean;
  /** As OpenTelemetry writes it, for diagnostics. */
  toString(): string;
}

/** The names that `OTEL_TRACES_SAMPLER` may take. */
export const SAMPLER_NAMES = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;
export type SamplerName = (typeof SAMPLER_NAMES)[number];

const ALWAYS_ON: Sampler = { shouldSample: () => true, toString: () => 'AlwaysOnSampler' };
const ALWAYS_OFF: Sampler = { shouldSample: () => false, toString: () => 'AlwaysOffSampler' };

/** The four 32-bit words of a trace ID, folded by exclusive or: OpenTelemetry JS's way, so that mixed fleets choose the same traces. */
function fold(traceId: string): number {
  let result = 0;
  for (let start = 0; start < 32; start += 8) result ^= Number.parseInt(traceId.slice(start, start + 8), 16);
  return result >>> 0;
}

/** `TraceIdRatioBased`: a share of all traces, the same ones in every service with the same share. */
function ratioSampler(ratio: number): Sampler {
  const bound = ratio === 1 ? 2 ** 32 : Math.floor(ratio * 0xffffffff);
  return {
    shouldSample: (_parent, traceId) => isTraceId(traceId) && fold(traceId) < bound,
    toString: () => `TraceIdRatioBased{${ratio}}`,
  };
}

/** `ParentBased`: the parent's decision, the root sampler's where there is no parent or it has left the decision to us. */
function parentBased(root: Sampler): Sampler {
  return {
    shouldSample(parent, traceId, target) {
      if (parent === undefined || (parent instanceof TraceSpanContext && parent.sampling === 'deferred')) {
        return root.shouldSample(undefined, traceId, target);
      }
      return (parent.traceFlags & FLAG_SAMPLED) !== 0;
    },
    toString: () => `ParentBased{root=${root.toString()}}`,
  };
}

/**
 * `SIGHTLINE_TRACES_ROUTES` before a sampler that decides by itself: the rule of the path decides on a request, and what
 * starts below a span of this process follows it, so that its part of a trace is whole or absent.
 */
function byRoute(rules: readonly RouteRule[], otherwise: Sampler): Sampler {
  if (rules.length === 0) return otherwise;
  const samplers = new Map(rules.map((rule) => [rule, ratioSampler(rule.ratio)]));
  return {
    shouldSample(parent, traceId, target) {
      const rule = target === undefined ? undefined : ruleFor(rules, target);
      if (rule !== undefined) return samplers.get(rule)!.shouldSample(parent, traceId);
      if (parent !== undefined && parent.isRemote !== true) return (parent.traceFlags & FLAG_SAMPLED) !== 0;
      return otherwise.shouldSample(parent, traceId);
    },
    toString() {
      const written = rules.map(
        ({ method, pattern, ratio }) => `${method === undefined ? '' : `${method} `}${pattern}=${ratio}`,
      );
      return `ByRoute{${written.join(',')},else=${otherwise.toString()}}`;
    },
  };
}

function parseRatio(argument: string | undefined): number {
  if (argument === undefined || argument.trim() === '') return 1;
  const ratio = Number(argument);
  if (ratio >= 0 && ratio <= 1) return ratio;
  throw new Error(
    `got ${JSON.stringify(argument)} as sampling ratio, wanted a number from 0 to 1; correct OTEL_TRACES_SAMPLER_ARG`,
  );
}

/**
 * A standard sampler (OpenTelemetry, "Environment Variable Specification", `OTEL_TRACES_SAMPLER`).
 *
 * @param argument the ratio of the ratio samplers, default 1; ignored by the others
 * @param rules decide on inbound requests where the sampler would decide by itself: always for those that are not parent-based,
 * without a decision of the parent for those that are
 * @throws Error one sentence (got, wanted, do) when the name or the ratio is none
 */
export function createSampler(name: string, argument: string | undefined, rules: readonly RouteRule[] = []): Sampler {
  switch (name as SamplerName) {
    case 'always_on':
      return byRoute(rules, ALWAYS_ON);
    case 'always_off':
      return byRoute(rules, ALWAYS_OFF);
    case 'traceidratio':
      return byRoute(rules, ratioSampler(parseRatio(argument)));
    case 'parentbased_always_on':
      return parentBased(byRoute(rules, ALWAYS_ON));
    case 'parentbased_always_off':
      return parentBased(byRoute(rules, ALWAYS_OFF));
    case 'parentbased_traceidratio':
      return parentBased(byRoute(rules, ratioSampler(parseRatio(argument))));
    default:
      throw new Error(
        `got ${JSON.stringify(name)} as sampler, wanted one of ${SAMPLER_NAMES.join(', ')}; correct OTEL_TRACES_SAMPLER`,
      );
  }
}
