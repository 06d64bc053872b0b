#!/usr/bin/env node
import { endOnClosedPipe, processIo } from './io.ts';
import { main } from './main.ts';

endOnClosedPipe();

process.exitCode = await main(process.argv.slice(2), processIo());
