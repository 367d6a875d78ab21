/** Programs that apps.test.ts runs with and without the one line. */
const LISTEN = "server.listen(0, '127.0.0.1', () => console.log('listening', server.address().port));";
const STOP = "if (request.url === '/stop') { response.end(); server.close(); server.closeAllConnections(); return; }";

export const MIDDLEWARE_APP = `
const express = require('express');
const http = require('node:http');
const app = express();
app.use(require('morgan')(':method :url :status :res[content-length] :res[content-type]'));
app.use(require('helmet').default());
app.use(require('compression')({ threshold: 10 }));
app.use(require('cookie-session')({ name: 'kept', keys: ['k'] }));
app.use(require('express-session')({ secret: 's', resave: false, saveUninitialized: true, genid: () => 'fixed' }));
app.use((request, response, next) => {
  require('on-headers')(response, function () { this.setHeader('x-late', String(this.statusCode)); });
  next();
});
app.get('/text', (request, response) => { request.session.n = 1; response.send('text '.repeat(20)); });
app.get('/json/:id', (request, response) => response.json({ id: request.params.id }));
app.get('/file', (request, response) => response.sendFile(__filename, { lastModified: false, etag: false }));
app.get('/redirect', (request, response) => response.redirect('/text'));
app.get('/thrown', () => { throw Object.assign(new Error('thrown'), { status: 503 }); });
app.get('/rejected', (request, response, next) => Promise.reject(new Error('rejected')).catch(next));
app.get('/stop', (request, response) => { response.end(); server.close(); server.closeAllConnections(); });
app.use((error, request, response, next) => response.status(error.status ?? 500).send(error.message));
const server = http.createServer(app);
${LISTEN}
`;

/** What older monitoring and libraries do, before and after the first request. */
export const PATCHING_APP = `
const http = require('node:http');
const { writeHead } = http.ServerResponse.prototype;
http.ServerResponse.prototype.writeHead = function (...args) { this.setHeader('x-patched', '1'); return writeHead.apply(this, args); };
const { emit } = http.Server.prototype;
http.Server.prototype.emit = function (event, ...args) {
  if (event === 'request') args[0].seen = (args[0].seen ?? 0) + 1;
  return emit.call(this, event, ...args);
};
const { request: original } = http;
http.request = function (...args) { return original.apply(this, args); };
const server = http.createServer((request, response) => {
  ${STOP}
  const { writeHead: own } = response;
  response.writeHead = function (status, ...args) { return own.call(this, status === 200 ? 203 : status, ...args); };
  const { end } = response;
  response.end = function (...args) { end.apply(this, args); };
  response.end(JSON.stringify([request.seen, request.url]));
});
const serverEmit = server.emit;
server.emit = function (...args) { return serverEmit.apply(this, args); };
${LISTEN}
`;

export const SUBCLASS_APP = `
const http = require('node:http');
class Request extends http.IncomingMessage { get short() { return this.url.slice(0, 4); } }
class Response extends http.ServerResponse { writeHead(...args) { this.setHeader('x-sub', '1'); return super.writeHead(...args); } }
class Server extends http.Server { emit(...args) { return super.emit(...args); } }
const server = new Server({ IncomingMessage: Request, ServerResponse: Response }, (request, response) => {
  ${STOP}
  response.end(request.short);
});
${LISTEN}
`;

export const FROZEN_APP = `
const http = require('node:http');
for (const target of [http.Server, http.IncomingMessage]) Object.freeze(target.prototype);
const server = http.createServer((request, response) => { ${STOP} response.end('frozen'); });
${LISTEN}
`;

export const CLOSING_APP = `
const http = require('node:http');
const server = http.createServer((request, response) => {
  if (request.url === '/slow') { setTimeout(() => response.end('slow'), 50); return; }
  response.end('fast');
  if (request.url === '/close') {
    server.close((error) => console.log('closed', error));
    server.close((error) => console.log('closed again', error.code));
    server.closeIdleConnections();
  }
});
server.on('close', () => console.log('close event'));
${LISTEN}
`;

export const MANY_APP = `
const http = require('node:http');
let most = 0;
const waiting = [];
const server = http.createServer((request, response) => {
  if (request.url === '/stop') { response.end(String(most)); server.close(); server.closeAllConnections(); return; }
  waiting.push(response);
  most = Math.max(most, waiting.length);
  if (waiting.length === Number(process.argv[2])) for (const each of waiting.splice(0)) each.end('ok');
});
server.listen(0, '127.0.0.1', 4096, () => console.log('listening', server.address().port));
`;

export const SIGNAL_APP = (body: string): string => `
const http = require('node:http');
const server = http.createServer((request, response) => { ${STOP} response.setHeader('connection', 'close'); response.end('ok'); });
${body}
${LISTEN}
`;

/** An app that uses the OpenTelemetry API and prints what of it differs from nothing. */
export const API_APP = `
import { context, propagation, trace } from '@opentelemetry/api';
import { createServer } from 'node:http';
const early = trace.getTracer('early');
const server = createServer((request, response) => {
  ${STOP}
  early.startActiveSpan('outer', (outer) => {
    trace.getTracer('late').startActiveSpan('inner', (inner) => {
      inner.setAttribute('app.key', 'value');
      inner.recordException(new Error('recorded'));
      inner.end();
    });
    outer.end();
    response.end('done');
  });
});
${LISTEN}
`;

/** An app with a pipeline of its own, started before or after the first line, with its own exporter in memory. */
export const SDK_APP = `
import { NodeSDK } from '@opentelemetry/sdk-node';
import { trace } from '@opentelemetry/api';
import { createServer } from 'node:http';
const own = [];
const exporter = { export: (spans, done) => { own.push(...spans.map((span) => span.name)); done({ code: 0 }); }, shutdown: async () => {}, forceFlush: async () => {} };
const sdk = new NodeSDK({ traceExporter: exporter, instrumentations: [], serviceName: 'with-own-sdk' });
sdk.start();
const server = createServer(async (request, response) => {
  if (request.url === '/stop') { response.end(); server.close(); server.closeAllConnections(); await sdk.shutdown(); return; }
  trace.getTracer('app').startActiveSpan('work', (span) => { span.end(); response.end('done'); });
});
${LISTEN}
`;
