import type { IncomingHttpHeaders } from 'node:http';

/**
 * Why a request is refused before it is read; undefined if it is not. A browser sends what any page asks it to, to this
 * machine too. It says which page that was (Fetch Standard, `Origin`; Fetch Metadata, `Sec-Fetch-Site`), and in `Host` by
 * which name it got here, which a page's owner may have rebound.
 * @param own hosts with their ports, as `Host` has them
 * @param page whether pages are served here, which may ask for more
 */
export function foreign(
  { host = '', origin, 'sec-fetch-site': site }: IncomingHttpHeaders,
  own: readonly string[],
  { page = false } = {},
): string | undefined {
  if (!own.includes(host.toLowerCase())) return `this is ${own[0]}, and not ${JSON.stringify(host)}`;
  if (origin !== undefined && !(page && origin === `http://${host.toLowerCase()}`))
    return `pages of ${JSON.stringify(origin)} may not ask here`;
  if (site !== undefined && !(page && ['same-origin', 'none'].includes(String(site))))
    return 'pages of other sites may not ask here';
  return undefined;
}

/** A server on loopback may be called so. HTTP's own port is not said. */
export const loopback = (port: number) =>
  ['127.0.0.1', 'localhost', '[::1]'].map((name) => (port === 80 ? name : `${name}:${port}`));
