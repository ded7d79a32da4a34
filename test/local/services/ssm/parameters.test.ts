import { DeleteParameterCommand, GetParameterCommand, PutParameterCommand } from '@aws-sdk/client-ssm';
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
