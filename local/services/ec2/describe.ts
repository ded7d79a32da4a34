import type { Filter } from '@aws-sdk/client-ec2';
import { wildcard } from '../../wildcard.ts';
import { AwsError } from '../../wire/errors.ts';
import type { CloudContext } from '../context.ts';
import { type Paging, paginate } from '../paginate.ts';
import { find, type Kind } from './find.ts';

/** A filter compares these values of a record, which passes if any of them matches. */
export type FilterValues<T> = Readonly<Record<string, (record: T) => string | readonly string[] | undefined>>;

export interface Query extends Paging {
  Filters?: Filter[] | undefined;
}

interface Description<T> {
  kind: Kind;
  ids?: string[] | undefined;
  query: Query;
  by: FilterValues<T>;
  /** The greatest MaxResults; the least is 5. */
  maxResults?: number;
}

/** Of all filters of one call together. */
const FILTER_VALUES = 200;

/** An EC2 Describe call answers with the records of `ids`, or all; of them those that pass the filters; of those one page. */
export function describe<T extends { id: string }>(
  cloud: CloudContext,
  records: ReadonlyMap<string, T>,
  { kind, ids, query, by, maxResults = 1000 }: Description<T>,
): { page: T[]; NextToken?: string } {
  if (ids?.length && query.MaxResults !== undefined)
    throw new AwsError('InvalidParameterCombination', 'MaxResults cannot be used with a list of ids');
  const values = (query.Filters ?? []).reduce((sum, { Values = [] }) => sum + Values.length, 0);
  if (values > FILTER_VALUES)
    throw new AwsError(
      'FilterLimitExceeded',
      `The maximum number of filter values specified on a single call is ${FILTER_VALUES}`,
    );
  const named = ids?.length ? ids.map((id) => find(records, kind, id)) : [...records.values()];
  const tests = (query.Filters ?? []).map((filter) => filterTest(cloud, filter, by));
  return paginate(
    named.filter((record) => tests.every((test) => test(record))),
    query,
    { least: 5, greatest: maxResults },
  );
}

/** `Name=tag:app,Values=a,b*`: a record passes if one of its values matches one of the filter's, where `*` and `?` are wildcards. */
function filterTest<T extends { id: string }>(cloud: CloudContext, { Name = '', Values }: Filter, by: FilterValues<T>) {
  const valuesOf = filterValues(cloud, Name, by);
  if (!Values?.length) throw new AwsError('InvalidParameterValue', `The filter '${Name}' has no values`);
  const patterns = Values.map(wildcard);
  return (record: T) =>
    [valuesOf(record) ?? []].flat().some((value) => patterns.some((pattern) => pattern.test(value)));
}

function filterValues<T extends { id: string }>(
  cloud: CloudContext,
  name: string,
  by: FilterValues<T>,
): FilterValues<T>[string] {
  if (name.startsWith('tag:')) return ({ id }) => cloud.tags.get(id)?.get(name.slice(4));
  if (name === 'tag-key') return ({ id }) => [...(cloud.tags.get(id)?.keys() ?? [])];
  const values = Object.hasOwn(by, name) ? by[name] : undefined;
  if (name === 'owner-id' && !values) return () => cloud.account;
  if (!values) throw new AwsError('InvalidParameterValue', `The filter '${name}' is invalid`);
  return values;
}
