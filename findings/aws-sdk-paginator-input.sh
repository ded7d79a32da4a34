#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# AWS SDK for JavaScript 3.1169.0: a paginator writes its token into the input that it is given. Two that run at once with one input (the
# same filters, say) ask with each other's tokens, and answer with pages of the wrong place, or none. Each needs an input of its own.
# Seen: DescribeRouteTables asked with the token of DescribeSubnets. Needs Node and npm; the server is on loopback.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund @aws-sdk/client-ec2@3.1169.0
cat >probe.mjs <<'JAVASCRIPT'
import { createServer } from 'node:http';
import { EC2Client, paginateDescribeRouteTables, paginateDescribeSubnets } from '@aws-sdk/client-ec2';

const asked = [];
const server = createServer(async (request, response) => {
  const form = new URLSearchParams(Buffer.concat(await request.toArray()).toString());
  const [action, token] = [form.get('Action'), form.get('NextToken')];
  asked.push(`${action} asked with ${token}`);
  // Route tables answer later, as a longer list does.
  await new Promise((resolve) => setTimeout(resolve, action === 'DescribeSubnets' ? 10 : 50));
  const next = token === null ? `<nextToken>second page of ${action}</nextToken>` : '';
  response.end(`<${action}Response>${next}</${action}Response>`);
}).listen(0, '127.0.0.1', async () => {
  const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
  const client = new EC2Client({ endpoint: `http://127.0.0.1:${server.address().port}`, region: 'eu-central-1', credentials });
  const all = async (pages) => {
    for await (const _ of pages);
  };
  const input = { Filters: [{ Name: 'vpc-id', Values: ['vpc-1'] }] };
  const subnets = paginateDescribeSubnets({ client }, input);
  const first = await subnets.next();
  const tables = paginateDescribeRouteTables({ client }, input);
  await Promise.all([all(subnets), all(tables)]);
  console.log(asked.join('\n'));
  server.close();
});
JAVASCRIPT
node probe.mjs | tee seen
grep -q 'DescribeRouteTables asked with second page of DescribeSubnets' seen
