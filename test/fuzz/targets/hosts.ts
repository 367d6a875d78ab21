/** To whom headers go: patterns of an operator, host names of anybody. */
import assert from 'node:assert/strict';
import { createHostPolicy } from '../../../lib/context/hosts.ts';
import type { FuzzTarget } from '../harness.ts';
import { hostileText, mutate, plainText } from '../hostile-text.ts';
import type { Random } from '../random.ts';

const KNOWN = [
  'localhost',
  '127.0.0.1',
  '10.1.2.3:80',
  '[::1]:8080',
  '::1',
  'fc00::1',
  '169.254.169.254',
  '0x7f000001',
  '2130706433',
  'api.example.com.',
  'a.b',
  'shop',
];

function host(random: Random): string {
  return random.oneIn(3)
    ? hostileText(random, 600)
    : mutate(random, random.oneIn(2) ? random.pick(KNOWN) : `${plainText(random)}.example`);
}

export const HOSTS: FuzzTarget = {
  name: 'hosts',
  shortCases: 500,
  run(random) {
    const excluded = plainText(random);
    const pattern = (): string => `${random.oneIn(3) ? '!' : ''}${random.oneIn(3) ? '*.' : ''}${host(random)}`;
    const list = (): string[] => random.times(random.size(20), pattern);
    const policy = createHostPolicy({
      propagate: random.oneIn(4) ? undefined : [...list(), `!${excluded}.example`],
      baggage: random.oneIn(2) ? undefined : list(),
    });
    let size = 0;
    for (const name of random.times(random.between(1, 30), () => host(random))) {
      size += name.length;
      const propagates = policy.propagate(name);
      assert.equal(policy.propagate(name), propagates, 'a decision that is remembered is the same');
      if (policy.baggage(name)) assert.ok(propagates, 'baggage goes where no trace goes');
    }
    const unasked = createHostPolicy({});
    for (const foreign of ['169.254.169.254', 'api.example.com', '0x7f000001', '8.8.8.8'])
      assert.ok(!unasked.baggage(foreign), foreign);
    const excluding = createHostPolicy({ propagate: ['*', ...list(), `!${excluded}.example`] });
    for (const spelling of [`${excluded}.example`, `${excluded}.EXAMPLE.`, `${excluded}.example:8080`])
      assert.ok(!excluding.propagate(spelling), spelling);
    return size * 4;
  },
};
