#!/usr/bin/env -S node --disable-warning=ExperimentalWarning
import { awsClients } from './clients.ts';
import { run } from './run.ts';
import { standardTerminal } from './terminal.ts';

process.exitCode = await run(process.argv.slice(2), standardTerminal(), awsClients);
