import { get } from 'node:http';
import { text } from 'node:stream/consumers';

/** Follows a link to the address that only VPCs have: the same server, asked by the name that the link is signed for. */
export function follow(link: string, endpoint: string): Promise<{ status: number; body: string }> {
  const { host, pathname, search } = new URL(link);
  return new Promise((resolve, reject) => {
    get(new URL(pathname + search, endpoint), { headers: { host } }, async (response) => {
      resolve({ status: response.statusCode ?? 0, body: await text(response) });
    }).on('error', reject);
  });
}
