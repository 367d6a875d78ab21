// W1: a `node:http` hello, as anyone writes it.
const http = require('node:http');
const server = http.createServer((_req, res) => {
  res.setHeader('content-type', 'application/json');
  res.end('{"hello":"world"}');
});
server.listen(0, '127.0.0.1', () => console.log(`listening on ${server.address().port}`));
