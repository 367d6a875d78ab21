/** The rules of the repository: each finds what it is made for, and the tree breaks none. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ERRORS, WARNINGS } from '../../lib/errors.ts';
import { ALLOWED, cycles, forbiddenImports, forbiddenPackages } from '../../scripts/rules/dependencies.ts';
import { errorTable } from '../../scripts/rules/errors.ts';
import { importsOf, readSources, sourceOf } from '../../scripts/rules/sources.ts';
import { exportsByName, leftOpen, longFiles, machineTraces, topLevelAwait } from '../../scripts/rules/style.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const sources = readSources(root);
const packageJson = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
const known = new Set([...Object.keys(packageJson.dependencies), ...Object.keys(packageJson.peerDependencies)]);

suite('imports are read as the compiler reads them', () => {
  const kinds = (text: string) =>
    importsOf('lib/logs/a.ts', text).map(({ specifier, target, typeOnly, late }) => ({
      specifier,
      target,
      typeOnly,
      late,
    }));
  const cases: readonly (readonly [string, string | undefined, boolean, boolean])[] = [
    ["import { a } from '../core/a.ts';", 'lib/core/a.ts', false, false],
    ["import {\n  a,\n  type B,\n} from '../core/a.ts';", 'lib/core/a.ts', false, false],
    ["import { type A, type B } from '../core/a.ts';", 'lib/core/a.ts', true, false],
    ["import type { A } from '../core/a.ts';", 'lib/core/a.ts', true, false],
    ["import * as all from './b.ts';", 'lib/logs/b.ts', false, false],
    ["import './b.ts';", 'lib/logs/b.ts', false, false],
    ["export { a } from '../core/a.ts';", 'lib/core/a.ts', false, false],
    ["export type { A } from '../core/a.ts';", 'lib/core/a.ts', true, false],
    ["const a = await import('../core/a.ts');", 'lib/core/a.ts', false, true],
    ["const a = load('../core/a.js');", 'lib/core/a.ts', false, true],
    ["type A = typeof import('../core/a.ts');", 'lib/core/a.ts', true, true],
  ];
  for (const [text, target, typeOnly, late] of cases) {
    test(text.replaceAll('\n', ' '), () => {
      const [found, ...more] = kinds(text);
      assert.equal(more.length, 0);
      assert.deepEqual([found?.target, found?.typeOnly, found?.late], [target, typeOnly, late]);
    });
  }
  test('an example in a comment is none', () => {
    assert.deepEqual(kinds("/**\n * import { a } from '../stack/a.ts';\n */\n// import './b.ts';"), []);
  });
  test('a string with slashes hides nothing', () => {
    assert.equal(kinds("const url = 'http://a'; const x = 1;\nimport { a } from '../core/a.ts';").length, 1);
  });
});

suite('who may import whom', () => {
  const forbidden = (from: string, to: string) => forbiddenImports([sourceOf(from, `import { a } from '${to}';`)]);
  test('the three signals never import each other', () => {
    for (const from of ['logs', 'metrics', 'traces']) {
      for (const to of ['logs', 'metrics', 'traces']) {
        assert.equal(forbidden(`lib/${from}/a.ts`, `../${to}/b.ts`).length, from === to ? 0 : 1, `${from} to ${to}`);
      }
    }
  });
  test('the service side never imports the stack, the stack never the service side', () => {
    for (const from of ['context', 'instruments', 'delivery', 'admin', 'bootstrap']) {
      assert.equal(forbidden(`lib/${from}/a.ts`, '../stack/b.ts').length, 1, from);
      assert.equal(forbidden('lib/stack/a.ts', `../${from}/b.ts`).length, 1, from);
      assert.equal(forbidden('lib/cli/a.ts', `../${from}/b.ts`).length, 1, from);
    }
  });
  test('the command line meets a service in the files of its journal alone', () => {
    assert.equal(forbidden('lib/cli/a.ts', '../delivery/journal/b.ts').length, 0);
    assert.equal(forbidden('lib/cli/a.ts', '../delivery/journal-sink.ts').length, 1);
    assert.equal(forbidden('lib/stack/a.ts', '../delivery/journal/b.ts').length, 1);
  });
  test('nothing reaches upwards', () => {
    const order = ['core', 'model', 'codec', 'context', 'logs', 'delivery', 'bootstrap'];
    for (const [at, from] of order.entries()) {
      for (const to of order.slice(at + 1)) {
        assert.equal(forbidden(`lib/${from}/a.ts`, `../${to}/b.ts`).length, 1, `${from} to ${to}`);
        assert.equal(forbidden(`lib/${to}/a.ts`, `../${from}/b.ts`).length, 0, `${to} to ${from}`);
      }
    }
  });
  test('a type is an import too; errors.ts is open; a folder without a row is refused', () => {
    assert.equal(forbiddenImports([sourceOf('lib/core/a.ts', "import type { A } from '../logs/b.ts';")]).length, 1);
    assert.equal(forbidden('lib/core/a.ts', '../errors.ts').length, 0);
    assert.equal(forbidden('lib/helpers/a.ts', '../core/b.ts').length, 1);
    assert.equal(forbidden('lib/core/a.ts', '../../scripts/b.ts').length, 1);
  });
  test('every folder that is there has a row', () => {
    assert.deepEqual(
      [...new Set(sources.map(({ path }) => path.split('/')[1] ?? ''))].filter(
        (folder) => ALLOWED[folder] === undefined,
      ),
      [],
    );
  });
  test('the tree', () => assert.deepEqual(forbiddenImports(sources), []));
});

suite('packages', () => {
  test('optional peers and the API are loaded where the table says', () => {
    const at = (path: string, text: string) => forbiddenPackages([sourceOf(path, text)], known).length;
    assert.equal(at('lib/traces/a.ts', "import { trace } from '@opentelemetry/api';"), 1);
    assert.equal(at('lib/traces/a.ts', "import type { Span } from '@opentelemetry/api';"), 0);
    assert.equal(at('lib/bootstrap/a.ts', "import { trace } from '@opentelemetry/api';"), 0);
    assert.equal(at('lib/logs/a.ts', "import elastic from 'pino-elasticsearch';"), 1);
    assert.equal(at('lib/core/a.ts', "import { x } from 'left-pad';"), 1);
    assert.equal(at('lib/core/a.ts', "import { x } from 'node:fs';"), 0);
  });
  test('the tree', () => assert.deepEqual(forbiddenPackages(sources, known), []));
});

suite('cycles', () => {
  test('a cycle of values is found, one of types loads nothing', () => {
    const pair = (kind: string) => [
      sourceOf('lib/core/a.ts', "import { b } from './b.ts';"),
      sourceOf('lib/core/b.ts', `import ${kind}{ a } from './a.ts';`),
    ];
    assert.equal(cycles(pair('')).length, 1);
    assert.equal(cycles(pair('type ')).length, 0);
  });
  test('the tree', () => assert.deepEqual(cycles(sources), []));
});

suite('style', () => {
  const file = (text: string) => [{ path: 'lib/core/a.ts', text }];
  test('400 lines are accepted, 401 are not', () => {
    assert.deepEqual(longFiles(file('x\n'.repeat(400))), []);
    assert.equal(longFiles(file('x\n'.repeat(401))).length, 1);
  });
  test('exports are listed by name', () => {
    assert.equal(exportsByName(file("export * from './b.ts';")).length, 1);
    assert.equal(exportsByName(file('export default 1;')).length, 1);
    assert.deepEqual(exportsByName(file('export const a = 1;')), []);
    assert.deepEqual(exportsByName(sources), []);
  });
  test('nothing awaits at top level', () => {
    assert.equal(topLevelAwait(file("await import('./b.ts');")).length, 1);
    assert.equal(topLevelAwait(file('const a = await b();')).length, 1);
    assert.equal(topLevelAwait(file('export const a = await b();')).length, 1);
    assert.deepEqual(topLevelAwait(file('async function a() {\n  await b();\n}')), []);
    assert.deepEqual(topLevelAwait(sources), []);
  });
  test('paths and hosts of one machine are found', () => {
    // Put together here, so that this file has none itself.
    const home = ['', 'home', 'someone', 'project'].join('/');
    assert.equal(machineTraces(file(`const a = '${home}';`)).length, 1);
    assert.equal(machineTraces(file(`https://${['registry', 'npmjs'].join('.')}.org`)).length, 1);
    assert.deepEqual(machineTraces(file(`const a = '${['', 'home', 'node', 'app'].join('/')}';`)), []);
    assert.deepEqual(machineTraces(sources), []);
  });
  test('what is left open is found', () => {
    assert.equal(leftOpen(file(`test${'.only'}('x', () => {});`)).length, 1);
    assert.equal(leftOpen(file(`// ${'TO'}${'DO'}: later`)).length, 1);
    assert.deepEqual(leftOpen(sources), []);
  });
});

suite('error codes', () => {
  const say = [sourceOf('lib/core/a.ts', "fail('SIGHTLINE_E_ONE');")];
  test('table, documentation and use must agree', () => {
    assert.deepEqual(errorTable(['SIGHTLINE_E_ONE'], '### SIGHTLINE_E_ONE\n', say), []);
    assert.equal(errorTable(['SIGHTLINE_E_ONE'], '', say).length, 1);
    assert.equal(errorTable(['SIGHTLINE_E_ONE'], '### SIGHTLINE_E_ONE\n### SIGHTLINE_E_TWO\n', say).length, 1);
    assert.equal(errorTable(['SIGHTLINE_E_ONE'], '### SIGHTLINE_E_ONE\n', []).length, 1);
    assert.equal(errorTable([], '', say).length, 1);
  });
  test('the tree', () => {
    const codes = [...Object.keys(ERRORS), ...Object.keys(WARNINGS)];
    assert.deepEqual(errorTable(codes, readFileSync(`${root}docs/errors.md`, 'utf8'), sources), []);
  });
  test('every sentence of the table says something', () => {
    for (const [code, sentence] of Object.entries({ ...ERRORS, ...WARNINGS }))
      assert.match(sentence, /^[A-Z].{15,}\.$/, code);
  });
});
