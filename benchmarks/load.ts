/**
 * Load and sink in one process, so that it can be pinned to the core that the server does not use. Speaks lines of
 * JSON on stdin and stdout: `{"load":{port,requests}}`, `{"wait":{spans,lines}}`.
 */
import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** Connections, each with one request in flight. */
const CONNECTIONS = 32;

let spans = 0;
let lines = 0;

/** How often a text occurs in a body. */
function count(body: Buffer, text: string): number {
  let found = 0;
  for (let at = body.indexOf(text); at >= 0; at = body.indexOf(text, at + text.length)) found += 1;
  return found;
}

const sink = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const body = Buffer.concat(chunks);
    if (request.url?.startsWith('/zipkin')) {
      spans += count(body, '"traceId"');
      response.writeHead(202).end();
      return;
    }
    const documents = count(body, '\n') >> 1;
    lines += documents;
    const item = '{"create":{"status":201}}';
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(`{"errors":false,"items":[${Array.from({ length: documents }, () => item).join(',')}]}`);
  });
});

function drive(socket: Socket, next: () => boolean, done: () => void): void {
  const text = Buffer.from('GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: load\r\naccept: */*\r\n\r\n');
  let held = '';
  const send = () => {
    if (next()) socket.write(text);
    else {
      socket.end();
      done();
    }
  };
  socket.on('data', (chunk: Buffer) => {
    held += chunk.toString('latin1');
    const head = held.indexOf('\r\n\r\n');
    if (head < 0) return;
    const length = /content-length: (\d+)/i.exec(held);
    const total = head + 4 + Number(length?.[1] ?? 0);
    if (held.length < total) return;
    if (!held.startsWith('HTTP/1.1 200')) throw new Error(`got ${held.slice(0, 40)}`);
    held = held.slice(total);
    send();
  });
  socket.on('connect', send);
  socket.on('error', (error) => {
    throw error;
  });
}

function load(port: number, requests: number): Promise<void> {
  return new Promise((resolve) => {
    let left = requests;
    let open = CONNECTIONS;
    const next = () => left-- > 0;
    const done = () => {
      open -= 1;
      if (open === 0) resolve();
    };
    for (let index = 0; index < CONNECTIONS; index += 1) drive(connect(port, '127.0.0.1'), next, done);
  });
}

async function arrived(wantedSpans: number, wantedLines: number): Promise<boolean> {
  for (let tries = 0; tries < 1000; tries += 1) {
    if (spans >= wantedSpans && lines >= wantedLines) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
}

sink.listen(0, '127.0.0.1', () => {
  const address = sink.address();
  if (typeof address !== 'object' || address === null) throw new Error('no address');
  process.stdout.write(`${JSON.stringify({ sink: `http://127.0.0.1:${address.port}` })}\n`);
});

createInterface({ input: process.stdin }).on('line', (line) => {
  const command = JSON.parse(line) as {
    load?: { port: number; requests: number };
    wait?: { spans: number; lines: number };
    reset?: true;
  };
  const answer = (value: object) => process.stdout.write(`${JSON.stringify(value)}\n`);
  if (command.reset) {
    spans = 0;
    lines = 0;
    answer({ reset: true });
  } else if (command.load) {
    const start = performance.now();
    void load(command.load.port, command.load.requests).then(() => answer({ millis: performance.now() - start }));
  } else if (command.wait) {
    void arrived(command.wait.spans, command.wait.lines).then((all) => answer({ all, spans, lines }));
  }
});
