import { existsSync } from 'node:fs';

/** Debian's package puts it there. */
export const CHROMIUM = '/usr/bin/chromium';

/** Says why this machine cannot show a page in a browser; undefined if it can. */
export const chromiumUnavailable = () =>
  existsSync(CHROMIUM) ? undefined : `there is no ${CHROMIUM} (apt-get install chromium)`;
