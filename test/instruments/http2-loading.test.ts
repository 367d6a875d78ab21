import assert from 'node:assert/strict';
import { createSecureServer, createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Ended, runChild } from '../support/child.ts';
import { NODES, type NodeRuntime } from '../support/nodes.ts';
import { pem } from './http2-serving.ts';

const fixtures = fileURLToPath(new URL('../fixtures/instruments/', import.meta.url));
const TYPES = ['--experimental-strip-types', '--no-warnings'];
const LOADER = ['--import', join(fixtures, 'quiet-loader.ts')];

function run(node: NodeRuntime, args: string[], observed = true): Promise<Ended> {
  return runChild({
    node,
    args: [...TYPES, ...(observed ? LOADER : []), ...args],
    cwd: fixtures,
  });
}

for (const node of NODES) {
  describe(`http2 in programs on Node ${node.version}`, { skip: node.missing ?? false }, () => {
    test('we do not load it', async () => {
      const { stdout } = await run(node, [
        '--eval',
        'setTimeout(() => console.log(process.moduleLoadList.includes("NativeModule http2")), 50)',
      ]);
      assert.equal(stdout, 'false\n');
    });

    for (const file of ['http2.mjs', 'http2.cjs']) {
      for (const scheme of ['http', 'https']) {
        test(`${file} over ${scheme}: the very first stream is observed, and nothing is printed`, async () => {
          const { code, stdout, stderr } = await run(node, [file, scheme]);
          assert.deepEqual([code, stderr], [0, '']);
          assert.deepEqual(stdout.trim().split('\n').toSorted(), ['answered 200 string', 'asked /first string']);
          const bare = await run(node, [file, scheme], false);
          assert.deepEqual([bare.code, bare.stderr], [0, '']);
          assert.deepEqual(bare.stdout.trim().split('\n').toSorted(), [
            'answered 200 undefined',
            'asked /first undefined',
          ]);
        });
      }
    }

    for (const scheme of ['http', 'https']) {
      test(`a program that is only a client, over ${scheme}: its first request has the headers`, async () => {
        const server = scheme === 'https' ? createSecureServer({ key: pem('key'), cert: pem('cert') }) : createServer();
        const asked: unknown[] = [];
        server.on('stream', (stream, headers) => {
          asked.push(typeof headers['traceparent'], typeof headers['x-correlation-id']);
          stream.respond({}, { endStream: true });
        });
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
        const { port } = server.address() as AddressInfo;
        const { code, stderr } = await run(node, ['http2-only-client.mjs', `${scheme}://localhost:${port}`]);
        server.close();
        assert.deepEqual([code, stderr, asked], [0, '', ['string', 'string']]);
      });
    }

    test('a stream error that nobody handles ends the process as without us', async () => {
      const ends = await Promise.all([true, false].map((observed) => run(node, ['http2-throws.mjs'], observed)));
      const [observed, bare] = ends.map(({ code, stderr }) => ({ code, origin: stderr.split(/^ {4}at /m)[0] }));
      assert.deepEqual(observed, bare);
      assert.equal(bare.code, 1);
      assert.match(bare.origin, /ERR_HTTP2_STREAM_ERROR/);
    });
  });
}
