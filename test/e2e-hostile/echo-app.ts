/**
 * An app on `node:http` alone that answers with what it was asked: method, target, version, headers as they came, body.
 * It handles no error of a connection itself, and prints its port.
 */
export const ECHO_APP = `
const http = require('node:http');
const server = http.createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('error', () => {});
  request.on('end', () => {
    if (request.url === '/stop') {
      response.end('stopping');
      server.close();
      server.closeAllConnections();
      return;
    }
    const { method, url, httpVersion, rawHeaders, rawTrailers } = request;
    const body = Buffer.concat(chunks).toString('latin1');
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ method, url, httpVersion, rawHeaders, rawTrailers, body }));
  });
});
server.listen(0, '127.0.0.1', () => console.log('listening', server.address().port));
`;
