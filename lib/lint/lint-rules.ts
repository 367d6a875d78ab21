import { isKnownName } from '../dashboards/names.ts';
import type { Expression } from '../stack/query/promql/syntax/ast.ts';
import { withoutParentheses } from '../stack/query/promql/syntax/ast.ts';
import { parseExpression } from '../stack/query/promql/syntax/parser.ts';
import type { LintFinding } from './finding.ts';
import { selectorsOf, walk } from './promql.ts';
import { type RuleView, readRules } from './rules-file.ts';

const OUR_NAMES = /^(?:sightline_|nodejs_|http_(?:server|client)_(?:request|active))/;
/** `level:metric:operation`, as prometheus/docs practices/rules has it. */
const RECORD = /^[a-z_][a-z0-9_]*:[a-zA-Z_][a-zA-Z0-9_]*:[a-z0-9_]+$/;
const ALERT = /^[A-Z][A-Za-z0-9]*$/;
const COMPARISONS = new Set(['==', '!=', '<', '<=', '>', '>=']);
/** Annotations that whoever is woken needs. */
const ANNOTATIONS = ['summary', 'description', 'runbook_url'];

type Part = Pick<LintFinding, 'code' | 'message' | 'fix'> & { readonly mild?: true; readonly inExpression?: true };

/** Labels that the result of an expression surely has lost; undefined = nothing is known. */
function keptLabels(expression: Expression): ReadonlySet<string> | undefined {
  const part = withoutParentheses(expression);
  if (part.type === 'aggregation') {
    if (part.without) return undefined;
    // These give whole series back.
    return /^(?:topk|bottomk|limitk|limit_ratio)$/.test(part.operator)
      ? keptLabels(part.expression)
      : new Set(part.grouping);
  }
  if (part.type === 'binary') {
    const { operator, left, right, matching } = part;
    if (operator === 'or') {
      const [one, other] = [keptLabels(left), keptLabels(right)];
      return one === undefined || other === undefined ? undefined : new Set([...one, ...other]);
    }
    if (matching?.cardinality === 'many-to-one' || matching?.cardinality === 'one-to-many') return undefined;
    return keptLabels(left.type === 'number' ? right : left);
  }
  if (part.type === 'unary') return keptLabels(part.expression);
  if (part.type === 'call' && /^(?:round|ceil|floor|abs|clamp.*|sort.*)$/.test(part.function.name) && part.arguments[0])
    return keptLabels(part.arguments[0]);
  return undefined;
}

/** Whether it gives something only now and then: a comparison, `absent`, or a set operation on one. */
function mayBeSilent(expression: Expression): boolean {
  return walk(expression).some(
    ({ node }) =>
      (node.type === 'binary' && !node.returnBool && COMPARISONS.has(node.operator)) ||
      (node.type === 'call' && node.function.name.startsWith('absent')) ||
      (node.type === 'binary' && (node.operator === 'unless' || node.operator === 'and')),
  );
}

function ofExpression(rule: RuleView, records: ReadonlySet<string>): Part[] {
  let expression: Expression;
  try {
    expression = parseExpression(rule.expr);
  } catch (error) {
    return [{ code: 'promql', message: (error as Error).message, fix: 'correct the expression', inExpression: true }];
  }
  const unknown = selectorsOf(expression).filter(
    ({ name }) => OUR_NAMES.test(name) && !isKnownName(name) && !records.has(name),
  );
  const bare = walk(expression).find(({ node, parents }) => {
    if (node.type !== 'vectorSelector' || !node.name.endsWith('_total')) return false;
    const call = parents.findLast((parent) => parent.type === 'call');
    return (
      parents.at(-1)?.type !== 'matrixSelector' &&
      call === undefined &&
      !parents.some((parent) => parent.type === 'binary' && parent.operator === 'unless')
    );
  });
  const nameless = selectorsOf(expression).some(
    ({ name, matchers }) => name === '' && matchers.every(({ operator }) => operator !== '='),
  );
  const parts: Part[] = [
    ...unknown.map(
      ({ name }): Part => ({
        code: 'metric-name',
        message: `nobody emits ${name}`,
        fix: 'take a name of docs/metrics.md',
        inExpression: true,
      }),
    ),
    ...(bare === undefined
      ? []
      : [
          {
            code: 'counter',
            message: 'a counter without rate or increase only ever grows',
            fix: 'use rate(…[5m]) or increase(…[5m])',
            inExpression: true as const,
          },
        ]),
    ...(nameless
      ? [
          {
            code: 'query-cost',
            message: 'a selector without a name reads every series',
            fix: 'name the metric',
            mild: true as const,
            inExpression: true as const,
          },
        ]
      : []),
  ];
  if (rule.alert === '') return parts;
  if (!mayBeSilent(expression) && rule.alert !== 'Watchdog')
    parts.push({
      code: 'always-fires',
      message: 'no comparison: it fires whenever there is data',
      fix: 'compare with a bound',
      inExpression: true,
    });
  const kept = keptLabels(expression);
  if (kept !== undefined) {
    const lost = new Set(
      Object.values(rule.annotations)
        .flatMap((text) => [...text.matchAll(/\$labels\.(\w+)/g)])
        .map(([, label]) => label ?? '')
        // Of dashboards' links, which are the same for all alerts: an absent label leaves an empty choice.
        .filter((label) => !kept.has(label) && rule.labels[label] === undefined && label !== 'job'),
    );
    for (const label of lost)
      parts.push({
        code: 'template-label',
        message: `the expression has no label ${label} for the text`,
        fix: 'keep it in by (…) or take it out of the text',
      });
  }
  return parts;
}

function ofRule(rule: RuleView): Part[] {
  if (rule.record !== '')
    return RECORD.test(rule.record)
      ? []
      : [
          {
            code: 'record-name',
            message: `${rule.record} is not level:metric:operation`,
            fix: 'name it as job:http_requests:rate5m',
          },
        ];
  if (rule.alert === '')
    return [{ code: 'rule-kind', message: 'neither alert nor record', fix: 'give it one of them' }];
  return [
    ...(ALERT.test(rule.alert)
      ? []
      : [{ code: 'alert-name', message: `${rule.alert} is not CamelCase`, fix: 'name it as TargetDown' }]),
    ...ANNOTATIONS.filter((name) => (rule.annotations[name] ?? '').trim() === '').map(
      (name): Part => ({ code: 'annotation', message: `no ${name}`, fix: 'whoever is woken needs it' }),
    ),
    ...((rule.labels['severity'] ?? '') === ''
      ? [{ code: 'severity', message: 'no severity', fix: 'give it a label severity for the routes' }]
      : []),
  ];
}

/** Sightline's rules over a file of Prometheus rules. @param known further recorded names, of other files */
export function lintRules(text: string, known: readonly string[] = []): LintFinding[] {
  let rules: RuleView[];
  try {
    rules = readRules(text);
  } catch (error) {
    const { message } = error as Error;
    return [
      {
        code: 'yaml',
        origin: 'sightline',
        severity: 'error',
        line: Number(/line (\d+)/.exec(message)?.[1] ?? 1),
        column: 1,
        where: '',
        message,
        fix: 'correct the YAML',
      },
    ];
  }
  if (rules.length === 0)
    return [
      {
        code: 'schema',
        origin: 'sightline',
        severity: 'error',
        line: 1,
        column: 1,
        where: '',
        message: 'no groups with rules',
        fix: 'give it groups: - name, rules',
      },
    ];
  const records = new Set([...known, ...rules.map(({ record }) => record)]);
  const seen = new Set<string>();
  return rules.flatMap((rule) => {
    const key = JSON.stringify([
      rule.alert,
      rule.record,
      Object.entries(rule.labels).sort(([one], [other]) => (one < other ? -1 : 1)),
    ]);
    const twice = seen.has(key);
    seen.add(key);
    const parts: Part[] = [
      ...ofRule(rule),
      ...(twice
        ? [
            {
              code: 'rule-twice',
              message: 'the same name and labels as a rule before it',
              fix: 'tell them apart by a label',
            },
          ]
        : []),
      ...ofExpression(rule, records),
    ];
    return parts.map(({ mild, inExpression, ...part }): LintFinding => {
      const line = inExpression === true ? rule.exprLine : rule.line;
      const column = (text.split('\n')[line - 1] ?? '').search(/\S/) + 1;
      return {
        ...part,
        origin: 'sightline',
        severity: mild === true ? 'warning' : 'error',
        line,
        column: Math.max(1, column),
        where: rule.alert || rule.record,
      };
    });
  });
}
