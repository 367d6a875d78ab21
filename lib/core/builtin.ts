/**
 * `node:http` without its namespace: an `import` of it evaluates every export, and one of them loads Node's whole `fetch`
 * (9 ms before the app has begun).
 */
export const http: typeof import('node:http') = process.getBuiltinModule('node:http');
