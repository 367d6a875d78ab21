/** @param direction 1 ascending, -1 descending; NaN comes last in both */
export function compareValues(one: number, other: number, direction: 1 | -1): number {
  if (Number.isNaN(one) || Number.isNaN(other)) return Number(Number.isNaN(one)) - Number(Number.isNaN(other));
  return one === other ? 0 : one < other ? -direction : direction;
}
