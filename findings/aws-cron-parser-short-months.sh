#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# aws-cron-parser 1.1.12 has a schedule run on days that nobody wrote. By the Amazon EventBridge user guide ("Cron expressions") the third
# field is the day of the month; November has no 31st, and the next one is December's. The parser hands the date to
# JavaScript's Date, which makes the first of December of it. Seen: "0 0 31 * ? *" runs on 1 December 2026 and 3 March 2027 too, and
# "0 0 29 2 ? *", a leap day, on 1 March of each other year. prev() goes wrong likewise. Who shows when a schedule runs next shows these.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{ "private": true }' >package.json
npm install --silent --no-audit --no-fund aws-cron-parser@1.1.12
cat >probe.js <<'PROBE'
const { parse, next, prev } = require('aws-cron-parser');

const noon = new Date('2026-11-29T12:00:00Z');
const day = (date) => date.toISOString().slice(0, 10);
for (const expression of ['0 0 30 * ? *', '0 0 31 * ? *', '0 0 29 2 ? *']) {
  const schedule = parse(expression);
  const days = [];
  for (let date = next(schedule, noon); days.length < 4; date = next(schedule, date)) days.push(day(date));
  console.log(`${expression}: ${day(prev(schedule, noon))} before, then ${days.join(' ')}`);
}
PROBE
node probe.js | tee seen
diff seen - <<'SEEN'
0 0 30 * ? *: 2026-10-30 before, then 2026-11-30 2026-12-30 2027-01-30 2027-03-02
0 0 31 * ? *: 2026-10-31 before, then 2026-12-01 2026-12-31 2027-01-31 2027-03-03
0 0 29 2 ? *: 2026-03-01 before, then 2027-03-01 2028-02-29 2029-03-01 2030-03-01
SEEN
