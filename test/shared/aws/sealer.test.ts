import { KMSClient } from '@aws-sdk/client-kms';
import { expect, test } from '@jest/globals';
import { VirtualClock } from '../../../local/clock.ts';
import { createKms } from '../../../local/services/kms.ts';
import { AwsError } from '../../../local/wire/errors.ts';
import { inProcess } from '../../../local/wire/in-process.ts';
import { createWire } from '../../../local/wire/wire.ts';
import { sealer } from '../../../shared/aws/sealer.ts';

const place = { region: 'eu-central-1', account: '111122223333' };

function stack() {
  const clock = new VirtualClock();
  const kms = createKms(clock, place);
  const keyArn = kms.create('SealKey', {});
  const calls: string[] = [];
  const state = { away: false };
  const wire = createWire(
    { kms: kms.service },
    {
      principal: () => 'arn:aws:iam::111122223333:role/routers',
      middleware: [
        async ({ operation }, _, next) => {
          calls.push(operation);
          if (state.away) throw new AwsError('KMSInternalException', 'not now', 400);
          return next();
        },
      ],
    },
  );
  const client = new KMSClient({
    region: place.region,
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    requestHandler: inProcess(wire),
    maxAttempts: 1,
  });
  const process = (fields: { version?: number; stack?: string; keyArn?: string } = {}) =>
    sealer(client, {
      keyArn,
      version: 1,
      partition: 'aws',
      ...place,
      stack: 'ziti-glb-dev',
      tagKey: 'ziti-glb',
      ...fields,
    });
  return { calls, clock, kms, process, state };
}

test('one process asks KMS once for its key, and all processes of a stack have the same', async () => {
  const { calls, process } = stack();
  const [one, another] = [process(), process()];
  const value = (await one()).sign('i-1', 'ziti-glb:diverter', 'a.b');
  for (let pass = 0; pass < 10; pass++) expect((await another()).read('i-1', 'ziti-glb:diverter', value).by).toBe('us');
  expect(calls.sort()).toEqual(['DescribeKey', 'DescribeKey', 'GenerateMac', 'GenerateMac']);
});

test('another stack, and another key, know nothing of it', async () => {
  const { kms, process } = stack();
  const value = (await process()()).sign('i-1', 'ziti-glb:diverter', 'a.b');
  for (const fields of [{ stack: 'ziti-glb-prod' }, { keyArn: kms.create('another', {}) }])
    expect((await process(fields)()).read('i-1', 'ziti-glb:diverter', value).by).toBe('other');
});

test('a greater sealVersion signs with another key, and believes the one before, not the one before that', async () => {
  const { process } = stack();
  const value = (await process()()).sign('i-1', 'ziti-glb:diverter', 'a.b');
  const read = async (version: number) => (await process({ version })()).read('i-1', 'ziti-glb:diverter', value).by;
  expect([await read(1), await read(2), await read(3)]).toEqual(['us', 'before', 'other']);
});

test('it knows since when there is a key', async () => {
  const { clock, process } = stack();
  const made = clock.now();
  await clock.run(3_600_000);
  expect((await process()()).since).toBe(made);
});

test('without KMS there is no seal, until it answers again', async () => {
  const { process, state } = stack();
  const seal = process();
  state.away = true;
  await expect(seal()).rejects.toMatchObject({ name: 'KMSInternalException' });
  state.away = false;
  await expect(seal()).resolves.toBeDefined();
});
