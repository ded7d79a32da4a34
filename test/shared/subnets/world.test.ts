import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { subnetsOf, tableOf } from '../../../shared/subnets/world.ts';
import { subnet, table } from './fixtures.ts';

test('the subnets of a table are those whose table it is', () => {
  const places = fc.array(fc.option(fc.nat(3), { nil: undefined }), { maxLength: 8 });
  fc.assert(
    fc.property(places, (of) => {
      const subnets = of.map((_, index) => subnet({ id: `subnet-${index}` }));
      const routeTables = [0, 1, 2, 3].map((number) =>
        table({
          id: `rtb-${number}`,
          main: number === 2,
          subnetIds: subnets.filter((_, index) => of[index] === number).map(({ id }) => id),
        }),
      );
      for (const each of routeTables)
        expect(subnetsOf(each, { subnets, routeTables })).toEqual(
          subnets.filter(({ id }) => tableOf(id, { routeTables }) === each),
        );
    }),
  );
});
