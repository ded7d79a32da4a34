import { existsSync } from 'node:fs';

/** Where Debian's package puts it. */
export const CHROMIUM = '/usr/bin/chromium';

/** Why this machine cannot show a page in a browser, or undefined if it can. */
export const chromiumUnavailable = () =>
  existsSync(CHROMIUM) ? undefined : `there is no ${CHROMIUM} (apt-get install chromium)`;
