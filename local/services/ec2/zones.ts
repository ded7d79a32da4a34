export interface Zone {
  /** `eu-central-1a`: what it is called in this account. */
  name: string;
  /** `euc1-az2`: which it is, in every account. */
  id: string;
}

/**
 * The three zones of a region. AWS shuffles names over ids, differently for each account, so the ids are not in the order of the names here either.
 * https://docs.aws.amazon.com/ram/latest/userguide/working-with-az-ids.html
 */
export function zonesOf(region: string): Zone[] {
  const [area = '', direction = '', number = ''] = region.split('-');
  const short = direction.replace(/(north|south|east|west|central)/g, (word) => word.charAt(0));
  return [
    ['a', 2],
    ['b', 3],
    ['c', 1],
  ].map(([letter, index]) => ({ name: `${region}${letter}`, id: `${area}${short}${number}-az${index}` }));
}
