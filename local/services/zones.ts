export interface Zone {
  /** `eu-central-1a`: what it is called in this account. */
  name: string;
  /** `euc1-az2`: which it is, in every account. */
  id: string;
  /** The zone's name in the records of the box: that in the account that the box was made with. */
  place: string;
}

const LETTERS = ['a', 'b', 'c'];
const IDS = [2, 3, 1];

/**
 * The three zones of a region. AWS shuffles names over ids, differently for each account, so the ids are not in the order of the names here either.
 * https://docs.aws.amazon.com/ram/latest/userguide/working-with-az-ids.html
 * @param account whose names they are, twelve digits
 * @param first the account that the box was made with
 */
export function zonesOf(region: string, account: string, first: string): Zone[] {
  const [area = '', direction = '', number = ''] = region.split('-');
  const short = direction.replace(/(north|south|east|west|central)/g, (word) => word.charAt(0));
  const shift = (Number(account.slice(-1)) - Number(first.slice(-1)) + 9 * LETTERS.length) % LETTERS.length;
  return LETTERS.map((letter, index) => {
    const at = (index + shift) % LETTERS.length;
    return {
      name: `${region}${letter}`,
      id: `${area}${short}${number}-az${IDS[at]}`,
      place: `${region}${LETTERS[at]}`,
    };
  });
}

/** A zone's name in an account, by that in the box's records. */
export const zoneName = ({ zones }: { zones: readonly Zone[] }, place: string) =>
  zones.find((zone) => zone.place === place)?.name ?? place;

/** A zone's id, by its name in the box's records. */
export const zoneId = ({ zones }: { zones: readonly Zone[] }, place: string) =>
  zones.find((zone) => zone.place === place)?.id;
