import type { Tag } from '@aws-sdk/client-ec2';

/** Every item of every page. */
export async function collect<Page, Item>(
  pages: AsyncIterable<Page>,
  items: (page: Page) => Item[] | undefined,
): Promise<Item[]> {
  const all: Item[] = [];
  for await (const page of pages) all.push(...(items(page) ?? []));
  return all;
}

export function tag(tags: Tag[] | undefined, key: string): string | undefined {
  return tags?.find((candidate) => candidate.Key === key)?.Value;
}
