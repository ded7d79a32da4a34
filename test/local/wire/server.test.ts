import { request } from 'node:http';
import { DescribeVpcsCommand, EC2Client } from '@aws-sdk/client-ec2';
import { afterEach, expect, jest, test } from '@jest/globals';
import { ConnectionLost } from '../../../local/wire/errors.ts';
import type { WireRequest } from '../../../local/wire/protocol.ts';
import { type Server, serve } from '../../../local/wire/server.ts';
import type { Wire } from '../../../local/wire/wire.ts';

const open: Server[] = [];
async function served(wire: Wire, options?: { port: number }): Promise<Server> {
  const server = await serve(wire, options);
  open.push(server);
  return server;
}
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});

test('hands over the request as it came, and the answer as it is', async () => {
  const seen: WireRequest[] = [];
  const { url } = await served(async (request) => {
    seen.push(request);
    return { status: 418, headers: { 'x-kind': 'teapot' }, body: 'tü' };
  });
  const response = await fetch(`${url}/a%20b?c=d&e`, { method: 'PUT', headers: { 'X-Upper': 'Y' }, body: 'bödy' });
  expect(response.status).toBe(418);
  expect(response.headers.get('x-kind')).toBe('teapot');
  expect(await response.text()).toBe('tü');
  expect(seen).toHaveLength(1);
  expect(seen[0]).toMatchObject({ method: 'PUT', url: '/a%20b?c=d&e', headers: { 'x-upper': 'Y' } });
  expect(Buffer.from(seen[0]?.body ?? '').toString()).toBe('bödy');
});

test('a body that is too large is not kept, whoever sends it: announced, it is refused, else the connection ends', async () => {
  const seen: WireRequest[] = [];
  const { url } = await served(async (request) => {
    seen.push(request);
    return { status: 200, headers: {}, body: '' };
  });
  const status = await new Promise((resolve, reject) => {
    const asked = request(url, { method: 'PUT', headers: { 'content-length': 2 ** 30 } }, (response) =>
      resolve(response.statusCode),
    );
    asked.on('error', reject).flushHeaders();
  });
  expect(status).toBe(413);
  const lost = await new Promise((resolve) => {
    const asked = request(url, { method: 'PUT', headers: { 'transfer-encoding': 'chunked' } }, () =>
      resolve('answered'),
    );
    asked.on('error', () => resolve('lost')).end(new Uint8Array(33 * 2 ** 20));
  });
  expect(lost).toBe('lost');
  expect(seen).toEqual([]);
});

test('a HEAD is answered with the length, and no body', async () => {
  const { url } = await served(async () => ({ status: 200, headers: {}, body: 'four' }));
  const response = await fetch(url, { method: 'HEAD' });
  expect(response.headers.get('content-length')).toBe('4');
  expect(await response.text()).toBe('');
});

test('a port in use: says which, and how to find out by whom', async () => {
  const { url } = await served(async () => ({ status: 200, headers: {}, body: '' }));
  const port = Number(new URL(url).port);
  const again = serve(async () => ({ status: 200, headers: {}, body: '' }), { port });
  await expect(again).rejects.toThrow(`port ${port} on 127.0.0.1 is in use`);
});

test('a connection that is to be lost is lost, in silence; the box itself failing is not silent', async () => {
  const complaints = jest.spyOn(console, 'error').mockReturnValue();
  const lost = await served(async () => {
    throw new ConnectionLost();
  });
  const client = new EC2Client({
    region: 'eu-central-1',
    endpoint: lost.url,
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    maxAttempts: 1,
  });
  await expect(client.send(new DescribeVpcsCommand({}))).rejects.toThrow('socket hang up');
  expect(complaints).not.toHaveBeenCalled();
  const broken = await served(async () => {
    throw new Error('a bug');
  });
  await expect(fetch(broken.url)).rejects.toThrow();
  expect(complaints).toHaveBeenCalledTimes(1);
  complaints.mockRestore();
});

test('close ends open connections', async () => {
  const server = await serve(() => new Promise(() => {}));
  const hanging = fetch(server.url);
  const failed = expect(hanging).rejects.toThrow();
  await new Promise((resolve) => setTimeout(resolve, 20));
  await server.close();
  await failed;
});
