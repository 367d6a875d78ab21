/** Compiles `lib/` to `dist/` and copies what is not code. */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
if (process.argv.includes('--clean')) rmSync(`${root}dist`, { recursive: true, force: true });
const tsc = spawnSync(process.execPath, [`${root}node_modules/typescript/bin/tsc`, '-p', `${root}tsconfig.json`], {
  stdio: 'inherit',
  cwd: root,
});
if (tsc.status !== 0) process.exit(1);
// The screens of the local stack are plain files.
if (existsSync(`${root}lib/stack/ui`))
  cpSync(`${root}lib/stack/ui`, `${root}dist/stack/ui`, { recursive: true, filter: (path) => !path.endsWith('.ts') });
if (existsSync(`${root}dist/cli/main.js`)) chmodSync(`${root}dist/cli/main.js`, 0o755);
