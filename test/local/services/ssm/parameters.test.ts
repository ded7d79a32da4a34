import {
  DeleteParameterCommand,
  GetParameterCommand,
  GetParametersByPathCommand,
  PutParameterCommand,
} from '@aws-sdk/client-ssm';
import { expect, test } from '@jest/globals';
import { testCloud } from '../../../support/cloud.ts';

test('a parameter is there once, under its name, until it is deleted', async () => {
  const { ssm } = testCloud();
  const put = (Value: string, Overwrite?: boolean) =>
    ssm.send(new PutParameterCommand({ Name: '/a/b', Value, Type: 'String', ...(Overwrite && { Overwrite }) }));
  const get = () => ssm.send(new GetParameterCommand({ Name: '/a/b' }));
  await expect(get()).rejects.toMatchObject({ name: 'ParameterNotFound' });
  expect(await put('one')).toMatchObject({ Version: 1 });
  await expect(put('two')).rejects.toMatchObject({ name: 'ParameterAlreadyExists' });
  expect(await put('three', true)).toMatchObject({ Version: 2 });
  expect((await get()).Parameter).toMatchObject({
    ...{ Name: '/a/b', Value: 'three', Type: 'String', Version: 2 },
    ARN: 'arn:aws:ssm:eu-central-1:111122223333:parameter/a/b',
  });
  await ssm.send(new DeleteParameterCommand({ Name: '/a/b' }));
  await expect(get()).rejects.toMatchObject({ name: 'ParameterNotFound' });
});

test('an account has names of its own', async () => {
  const { ssm, ssmOf } = testCloud();
  const other = ssmOf('222233334444');
  for (const [client, Value] of [
    [ssm, 'one'],
    [other, 'another'],
  ] as const)
    await client.send(new PutParameterCommand({ Name: '/a', Value, Type: 'String' }));
  await ssm.send(new DeleteParameterCommand({ Name: '/a' }));
  await expect(ssm.send(new GetParameterCommand({ Name: '/a' }))).rejects.toMatchObject({ name: 'ParameterNotFound' });
  expect((await other.send(new GetParameterCommand({ Name: '/a' }))).Parameter).toMatchObject({
    Value: 'another',
    ARN: 'arn:aws:ssm:eu-central-1:222233334444:parameter/a',
  });
});

test('those beneath a path are told ten a page, of its first level or of all', async () => {
  const { ssm } = testCloud();
  const names = Array.from({ length: 12 }, (_, at) => `/a/b/${at}`);
  for (const Name of [...names, '/a/one', '/ab/c'])
    await ssm.send(new PutParameterCommand({ Name, Value: '1', Type: 'String' }));
  const ask = (Path: string, more: object = {}) => ssm.send(new GetParametersByPathCommand({ Path, ...more }));
  const told = ({ Parameters = [] }: Awaited<ReturnType<typeof ask>>) => Parameters.map(({ Name }) => Name);
  expect(told(await ask('/a'))).toEqual(['/a/one']);
  const first = await ask('/a', { Recursive: true });
  const second = await ask('/a', { Recursive: true, NextToken: first.NextToken });
  expect([told(first).length, told(second).length, second.NextToken]).toEqual([10, 3, undefined]);
  expect([...told(first), ...told(second)].sort()).toEqual([...names, '/a/one'].sort());
  await expect(ask('a')).rejects.toMatchObject({ name: 'ValidationException' });
});
