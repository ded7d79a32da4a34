import { AwsError } from '../wire/errors.ts';

/** A call for a list asks for one page by these. */
export interface Paging {
  MaxResults?: number | undefined;
  NextToken?: string | undefined;
}

/**
 * A call for a list answers with one page of it, which holds still between calls. A token is the place of its first record. AWS may page also where it is not asked
 * to: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html#api-pagination
 */
export function paginate<T>(
  records: T[],
  { MaxResults, NextToken }: Paging,
  { least, greatest }: { least: number; greatest: number },
): { page: T[]; NextToken?: string } {
  if (MaxResults !== undefined && (MaxResults < least || MaxResults > greatest))
    throw new AwsError(
      'InvalidParameterValue',
      `Value ( ${MaxResults} ) for parameter maxResults is invalid. Expecting a value between ${least} and ${greatest}.`,
    );
  const start = NextToken === undefined ? 0 : placeOf(NextToken);
  const end = start + (MaxResults ?? greatest);
  const page = records.slice(start, end);
  return end < records.length ? { page, NextToken: tokenOf(end) } : { page };
}

const tokenOf = (place: number) => Buffer.from(`place:${place}`).toString('base64');

function placeOf(token: string): number {
  const place = /^place:(\d+)$/.exec(Buffer.from(token, 'base64').toString())?.[1];
  if (place === undefined) throw new AwsError('InvalidNextToken', `The token '${token}' is invalid`);
  return Number(place);
}
