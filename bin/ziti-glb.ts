#!/usr/bin/env -S node --disable-warning=ExperimentalWarning
import { awsClients } from './clients.ts';
import { EXIT } from './command.ts';
import { run } from './run.ts';
import { standardTerminal } from './terminal.ts';

// Who reads no further, as `head`, has what it wants; a disk that is full has not.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') process.exit(EXIT.ok);
    process.stderr.write(`The answer could not be written: ${message}\n`, () => process.exit(EXIT.failed));
  });

process.exitCode = await run(process.argv.slice(2), standardTerminal(), awsClients);
