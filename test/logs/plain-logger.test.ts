import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plainLogger } from '../../lib/logs/plain-logger.ts';

/** Collects what a body writes to stdout, as objects. */
function linesOf(body: () => void): Record<string, unknown>[] {
  const { write } = process.stdout;
  let text = '';
  process.stdout.write = ((chunk: string) => {
    text += chunk;
    return true;
  }) as typeof write;
  try {
    body();
  } finally {
    process.stdout.write = write;
  }
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test('a logger without pino writes lines like those of pino', () => {
  const log = plainLogger('info');
  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  const lines = linesOf(() => {
    log.debug('below the level');
    log.info('text');
    log.warn({ orderId: 7 }, 'with fields');
    log.error(new TypeError('alone'));
    log.child({ module: 'db' }, { level: 'error' }).error({ err: new Error('inside') }, 'of a child');
    log.child({ module: 'db' }, { level: 'error' }).info('below the level of the child');
    log.fatal(cycle, 'cannot be written');
    log.level = 'silent';
    log.fatal('nothing');
  });
  assert.deepEqual(
    lines.map(({ level, msg }) => [level, msg]),
    [
      [30, 'text'],
      [40, 'with fields'],
      [50, 'alone'],
      [50, 'of a child'],
      [60, 'cannot be written'],
    ],
  );
  assert.equal(lines[0]?.['pid'], process.pid);
  assert.equal(lines[1]?.['orderId'], 7);
  assert.equal((lines[2]?.['err'] as { type: string } | undefined)?.type, 'TypeError');
  assert.equal(lines[3]?.['module'], 'db');
  assert.equal((lines[3]?.['err'] as { message: string } | undefined)?.message, 'inside');
  assert.equal(lines[4]?.['unserialisable'], true);
  assert.equal(log.isLevelEnabled('fatal'), false);
});
