import { statSync } from 'node:fs';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { DescribeVpcsCommand, EC2 } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { awsClients } from '../../bin/clients.ts';
import { credentialsFile, NoCredentials, readCredentials, writeCredentials } from '../../local/credentials.ts';
import { pageOf } from '../../local/demo/page/page.ts';
import { run } from '../../local/fabric/process.ts';
import { describeUnless } from '../support/describe-unless.ts';
import { describePackaged } from '../support/packaged.ts';
import { type StackInBox, stackInBox } from '../support/stack.ts';

/** Debian's `nobody` has this number. */
const NOBODY = 65534;
const FORM = 'Action=DescribeVpcs&Version=2016-11-15';

describePackaged('a cloud on a machine that others use too', () => {
  let stack: StackInBox;
  let page: Awaited<ReturnType<typeof pageOf>>;
  let forget: () => void;
  beforeAll(async () => {
    stack = await stackInBox();
    page = await pageOf(stack.box, stack.log);
    forget = writeCredentials(stack.box.endpoint, stack.box.credentials);
  });
  afterAll(async () => {
    await page?.close();
    await stack?.box.close();
    forget?.();
  });

  /** A server answers so to these headers, whatever of them a browser or `fetch` would not send. */
  const answerTo = (url: string, headers: Record<string, string> = {}, method = 'GET', body = '') =>
    new Promise<{ status: number; said: string }>((resolve, reject) => {
      const asked = request(url, { method, headers }, async (response) =>
        resolve({ status: response.statusCode ?? 0, said: await text(response) }),
      );
      asked.on('error', reject).end(body);
    });
  const refused = (why: string) => ({ status: 403, said: expect.stringContaining(why) });

  describe('gives its key', () => {
    test('to the user who started it, and to no other', () => {
      const file = credentialsFile(stack.box.endpoint);
      expect((statSync(file).mode & 0o777).toString(8)).toBe('600');
      expect(statSync(file).uid).toBe(process.getuid?.());
      expect(readCredentials(stack.box.endpoint)).toEqual(stack.box.credentials);
    });

    test('to the command line', async () => {
      const { ec2 } = awsClients({ endpoint: stack.box.endpoint });
      const localhost = awsClients({ endpoint: stack.box.endpoint.replace('127.0.0.1', 'localhost') });
      expect((await ec2.send(new DescribeVpcsCommand({}))).Vpcs).toHaveLength(1);
      expect((await localhost.ec2.send(new DescribeVpcsCommand({}))).Vpcs).toHaveLength(1);
    });

    test('no longer than it runs, and never the one of another', () => {
      const endpoint = 'http://127.0.0.1:65535';
      const removeIt = writeCredentials(endpoint, { accessKeyId: 'operator', secretAccessKey: 'earlier' });
      writeCredentials(endpoint, { accessKeyId: 'operator', secretAccessKey: 'later' });
      expect(readCredentials(endpoint)).toEqual({ accessKeyId: 'operator', secretAccessKey: 'later' });
      removeIt();
      expect(() => readCredentials(endpoint)).toThrow(NoCredentials);
      expect(() => readCredentials(endpoint)).toThrow('No demo of this checkout runs at http://127.0.0.1:65535.');
    });
  });

  describe('refuses', () => {
    const guesses: [string, string][] = [
      ['operator', 'of the local cloud'],
      ['cloudformation', 'of-the-cloud-in-a-box'],
      ['ziti-glb-test-subnets', 'of-the-cloud-in-a-box'],
      ['AKIAIOSFODNN7EXAMPLE', 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'],
    ];

    test.each(guesses)('the key %s with a guessed secret', async (accessKeyId, secretAccessKey) => {
      const { endpoint, region } = stack.box;
      const ec2 = new EC2({ endpoint, region, credentials: { accessKeyId, secretAccessKey } });
      await expect(ec2.describeVpcs()).rejects.toThrow(
        /validate the provided access credentials|signature we calculated/,
      );
    });

    test('who does not sign', async () => {
      const { endpoint } = stack.box;
      expect(await answerTo(endpoint, {}, 'POST', FORM)).toEqual(refused('MissingAuthenticationToken'));
      expect(await answerTo(`${endpoint}/bucket/key`)).toEqual(refused('MissingAuthenticationToken'));
      const credential = `AWS4-HMAC-SHA256 Credential=operator/20260101/eu-central-1/ec2/aws4_request`;
      expect(await answerTo(endpoint, { authorization: credential }, 'POST', FORM)).toEqual(
        refused('SignatureDoesNotMatch'),
      );
    });

    test('who found it by another name', async () => {
      const { endpoint } = stack.box;
      const { port } = new URL(endpoint);
      for (const host of [
        'rebound.example',
        `rebound.example:${port}`,
        '127.0.0.1',
        '127.0.0.1:1',
        `127.0.0.1.nip.io:${port}`,
      ])
        for (const url of [endpoint, page.url]) expect(await answerTo(url, { host })).toEqual(refused('and not'));
      for (const host of [`localhost:${port}`, `LOCALHOST:${port}`, `[::1]:${port}`, '169.254.0.80'])
        expect(await answerTo(endpoint, { host })).toEqual(refused('MissingAuthenticationToken'));
      expect(await answerTo(page.url, { host: '169.254.0.80' })).toEqual(refused('and not'));
    });

    test.each<[string, Record<string, string>]>([
      ['another origin', { origin: 'https://example.com' }],
      ['another port of this machine', { origin: 'http://127.0.0.1:1' }],
      ['a file or a sandbox', { origin: 'null' }],
      ['another site', { 'sec-fetch-site': 'cross-site' }],
      ['the same site', { 'sec-fetch-site': 'same-site' }],
    ])('a page of %s', async (_name, headers) => {
      expect(await answerTo(stack.box.endpoint, headers, 'POST', FORM)).toEqual(refused('may not ask here'));
      expect(await answerTo(`${page.url}widget`, headers, 'POST', '{}')).toEqual(refused('may not ask here'));
      expect(await answerTo(page.url, headers)).toEqual(refused('may not ask here'));
    });

    test('who does not know the whole address of the page', async () => {
      const bare = new URL('/', page.url).href;
      for (const path of ['', 'widget', 'log?of=vpc', 'page.js', `${'0'.repeat(32)}/`])
        expect(await answerTo(`${bare}${path}`)).toEqual(refused('the whole address'));
      expect(await answerTo(`${bare}widget`, {}, 'POST', '{}')).toEqual(refused('the whole address'));
      expect((await answerTo(page.url)).status).toBe(200);
      const own = { origin: new URL(page.url).origin, 'sec-fetch-site': 'same-origin' };
      expect((await answerTo(`${page.url}log?of=vpc`, own)).status).toBe(200);
    });
  });

  describeUnless(process.getuid?.() === 0 ? undefined : 'only root can be another user', 'to another user', () => {
    const asNobody = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
    const curl = async (...argv: string[]) =>
      (await run([...asNobody, 'curl', '-s', '-m', '20', '-w', ' %{http_code}', ...argv])).stdout;

    test('its key cannot be read', async () => {
      const { code, stdout, stderr } = await run([...asNobody, 'cat', credentialsFile(stack.box.endpoint)]);
      expect([code, stdout, stderr]).toEqual([1, '', expect.stringContaining('Permission denied')]);
    });

    test('it answers 403 to curl, unsigned and signed with a guess', async () => {
      const { endpoint } = stack.box;
      expect(await curl('-d', FORM, endpoint)).toMatch(/MissingAuthenticationToken.* 403$/s);
      const sign = ['--aws-sigv4', 'aws:amz:eu-central-1:ec2', '-d', FORM];
      expect(await curl(...sign, '--user', 'operator:of the local cloud', endpoint)).toMatch(
        /SignatureDoesNotMatch.* 403$/s,
      );
      expect(await curl(...sign, '--user', 'root:root', endpoint)).toMatch(/AuthFailure.* 401$/s);
      const { accessKeyId, secretAccessKey } = stack.box.credentials;
      expect(await curl(...sign, '--user', `${accessKeyId}:${secretAccessKey}`, endpoint)).toMatch(
        /<vpcSet><item>.* 200$/s,
      );
    });

    test('the page answers 403', async () => {
      const bare = new URL('/', page.url).href;
      expect(await curl(bare)).toMatch(/ 403$/);
      expect(await curl('-d', '{}', `${bare}widget`)).toMatch(/ 403$/);
    });
  });
});
