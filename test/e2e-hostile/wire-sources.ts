/** Programs that wire.test.ts runs with and without the one line. */

export const SHAPES_APP = `
const http = require('node:http');
const server = http.createServer((request, response) => {
  const path = request.url.split('?')[0];
  const handlers = {
    '/text': () => response.end('text'),
    '/implicit': () => { response.write('a'); response.end('b'); },
    '/length': () => { response.writeHead(200, 'Fine', { 'content-length': '4' }); response.end('four'); },
    '/array': () => { response.writeHead(200, ['x-one', '1', 'set-cookie', 'a=1', 'set-cookie', 'b=2']); response.end(); },
    '/nested': () => { response.writeHead(200, [['x-one', '1'], ['set-cookie', 'a=1'], ['set-cookie', 'b=2']]); response.end(); },
    '/empty': () => { response.writeHead(204); response.end(); },
    '/unchanged': () => { response.statusCode = 304; response.setHeader('etag', '"1"'); response.end(); },
    '/trailers': () => {
      if (request.httpVersion === '1.0' || request.method === 'HEAD') { response.end('no trailers'); return; }
      response.writeHead(200, { trailer: 'x-sum' });
      response.write('body');
      response.addTrailers({ 'x-sum': '42' });
      response.end();
    },
    '/hints': () => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload' }, () => response.end('after hints'));
    },
    '/processing': () => { response.writeProcessing(); response.end('after processing'); },
    '/own-id': () => { response.setHeader('X-Correlation-ID', 'my-own'); response.end(); },
    '/flushed': () => { response.flushHeaders(); setTimeout(() => response.end('later'), 5); },
    '/no-date': () => { response.sendDate = false; response.end('dateless'); },
    '/events': () => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      let n = 0;
      const timer = setInterval(() => {
        n += 1;
        response.write('data: ' + n + '\\n\\n');
        if (n === 3) { clearInterval(timer); response.end(); }
      }, 2);
    },
    '/twice': () => {
      response.writeHead(200);
      try { response.writeHead(500); } catch (error) { response.end(error.code); }
    },
    '/late-header': () => {
      response.write('x');
      try { response.setHeader('a', 'b'); } catch (error) { response.end(error.code); }
    },
    '/bad-header': () => { try { response.writeHead(200, { 'x-bad': 'a\\nb' }); } catch (error) { response.end(error.code); } },
    '/bad-status': () => { try { response.writeHead(42); } catch (error) { response.end(error.code); } },
    '/names': () => {
      response.setHeader('x-one', '1');
      const before = [response.getHeaderNames(), response.headersSent];
      response.writeHead(200);
      response.end(JSON.stringify([before, response.getHeaderNames(), response.getHeaders(), response.headersSent]));
    },
    '/body': () => {
      const chunks = [];
      request.on('data', (chunk) => chunks.push(chunk));
      request.on('end', () => response.end(Buffer.concat(chunks)));
    },
    '/unread': () => response.end('not read'),
    '/destroy': () => response.destroy(),
    '/half-destroy': () => { response.write('half'); setImmediate(() => response.destroy()); },
    '/stop': () => { response.end('stopping'); server.close(); server.closeAllConnections(); },
  };
  (handlers[path] ?? (() => { response.statusCode = 404; response.end(); }))();
});
server.on('checkExpectation', (request, response) => { response.writeHead(417); response.end('unexpected'); });
if (process.argv[2] === 'check-continue') {
  server.on('checkContinue', (request, response) => {
    if (request.url === '/refuse') { response.writeHead(413); response.end('too large'); return; }
    response.writeContinue();
    server.emit('request', request, response);
  });
}
server.listen(0, '127.0.0.1', () => console.log('listening', server.address().port));
`;

export const ABORTS_APP = `
const http = require('node:http');
const told = [];
let open = 0;
const server = http.createServer((request, response) => {
  if (request.url === '/told') { response.end(JSON.stringify({ told: told.sort(), open })); return; }
  if (request.url === '/stop') { response.end(); server.close(); server.closeAllConnections(); return; }
  open += 1;
  const say = (what) => told.push(request.url + ' ' + what);
  request.on('aborted', () => say('request aborted'));
  request.on('error', (error) => say('request error ' + error.code));
  request.on('close', () => say('request close ' + request.complete));
  response.on('finish', () => say('response finish'));
  response.on('error', (error) => say('response error ' + error.code));
  response.on('close', () => { open -= 1; say('response close ' + response.writableFinished); });
  if (request.url === '/upload') request.resume();
  if (request.url === '/download') { response.writeHead(200); response.write('x'); }
  if (request.url === '/large') response.end(Buffer.alloc(20_000_000));
});
server.listen(0, '127.0.0.1', () => console.log('listening', server.address().port));
`;

export const NEVER_ENDED_APP = `
const http = require('node:http');
const lengths = { '/short': 9, '/head': 9, '/whole': 4 };
const server = http.createServer((request, response) => {
  if (request.url === '/stop') { response.end(); server.close(); server.closeAllConnections(); return; }
  const length = lengths[request.url];
  response.writeHead(request.url === '/empty' ? 204 : 200, length === undefined ? {} : { 'content-length': length });
  if (request.url === '/head' || request.url === '/empty') response.flushHeaders();
  else response.write('four');
});
server.listen(0, '127.0.0.1', () => console.log('listening', server.address().port));
`;

export const WEBSOCKET_APP = `
const http = require('node:http');
const { WebSocketServer } = require('ws');
const server = http.createServer((request, response) => {
  response.end('plain');
  if (request.url === '/stop') { sockets.close(); server.close(); server.closeAllConnections(); }
});
const sockets = new WebSocketServer({ noServer: true });
server.on('upgrade', (request, socket, head) => {
  if (request.url === '/refused') { socket.end('HTTP/1.1 401 Unauthorized\\r\\n\\r\\n'); return; }
  sockets.handleUpgrade(request, socket, head, (client) => {
    client.on('message', (data, binary) => client.send(data, { binary }));
    client.on('close', (code) => console.log('closed', code));
  });
});
server.listen(0, '127.0.0.1', () => console.log('listening', server.address().port));
`;

export const HTTP2_APP = `
const http2 = require('node:http2');
const server = http2.createServer((request, response) => {
  if (request.url === '/stop') { response.end(); server.close(); return; }
  response.writeHead(201, { 'x-one': '1' });
  response.end(request.method + ' ' + request.url);
});
server.on('stream', (stream, headers) => {
  if (headers[':path'] !== '/push') return;
});
server.listen(0, '127.0.0.1', () => console.log('listening', server.address().port));
`;

export const HTTPS_APP = `
const https = require('node:https');
const fs = require('node:fs');
const server = https.createServer({ key: fs.readFileSync('key.pem'), cert: fs.readFileSync('cert.pem') }, (request, response) => {
  response.setHeader('connection', 'close');
  response.end(request.url);
  if (request.url === '/stop') server.close();
});
server.listen(0, '127.0.0.1', () => console.log('listening', server.address().port));
`;

export const PROXY_APP = `
const http = require('node:http');
const net = require('node:net');
const target = http.createServer((request, response) => response.end('through ' + request.url));
const server = http.createServer((request, response) => {
  if (request.url === '/stop') { response.end(); server.close(); target.close(); server.closeAllConnections(); target.closeAllConnections(); return; }
  request.pipe(http.request({ port: target.address().port, path: request.url, headers: request.headers, method: request.method }, (answer) => {
    response.writeHead(answer.statusCode, answer.rawHeaders);
    answer.pipe(response);
  }));
});
server.on('connect', (request, socket, head) => {
  const upstream = net.connect(target.address().port, '127.0.0.1', () => {
    socket.write('HTTP/1.1 200 Connection Established\\r\\n\\r\\n');
    upstream.write(head);
    upstream.pipe(socket).pipe(upstream);
  });
});
target.listen(0, '127.0.0.1', () => server.listen(0, '127.0.0.1', () => console.log('listening', server.address().port)));
`;
