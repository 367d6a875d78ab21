// W2: Fastify 5 with one pino line of its own per request.
import Fastify from 'fastify';

const app = Fastify({ logger: { level: 'info' }, disableRequestLogging: true });
app.get('/', (request) => {
  request.log.info({ kind: 'hello' }, 'greeting');
  return { hello: 'world' };
});
const url = await app.listen({ port: 0, host: '127.0.0.1' });
console.error(`listening on ${new URL(url).port}`);
