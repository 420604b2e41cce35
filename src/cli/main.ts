#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8';
import { runInProcess } from './process.ts';

// Keeps the space for young objects at the 32 MB that it starts with. Rows are parsed and dropped in bursts, for
// which V8 would let it grow to 128 MB and never shrink: a third of all that a large run holds.
setFlagsFromString('--semi-space-growth-factor=1');

process.exitCode = await runInProcess(process.argv.slice(2));
