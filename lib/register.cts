/**
 * What `node -r sightline/register` and `require('sightline/register')` load. A Node too old to require an ES module
 * would fail before `register.ts` could say anything, so this file says it.
 */
const versions = process.versions.node.split('.').map(Number);
const major = versions[0] ?? 0;
const minor = versions[1] ?? 0;
if (major > 22 || (major === 22 && minor >= 16)) {
  require('./register.js');
} else {
  process.stderr.write(
    `sightline: SIGHTLINE_E_RUNTIME: got Node ${process.versions.node}, wanted 22.16 or newer; upgrade Node. The app runs unobserved.\n`,
  );
}
