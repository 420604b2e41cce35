import type { Command } from 'commander';
import type { Verb } from '../context.ts';

/** Gives a command the flags that all have, and its verb, which is loaded when it is used. */
export type DefineVerb = <Flags>(command: Command, load: () => Promise<Verb<Flags>>) => void;
