import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { GATEWAY_RELEASES } from '../test/openclaw/support/release.ts';
import { archiveOutside } from './live-outside.ts';
import { archiveThroughPlugin } from './live-plugin.ts';

// npm run bench:live [-- --only outside|plugin] [--seconds N] [--seeds 1,2] [--rates 3,10] [--release V] [--releases V,W]
// The built program archives a store that a real OpenClaw writes all the while. docs/contributing.md says how to read it.

const { values } = parseArgs({
  options: {
    /** One of the two parts; both without it. */
    only: { type: 'string' },
    /** How long the writer writes at least; it goes on until the archive run has ended. */
    seconds: { type: 'string', default: '60' },
    /** Stores of the part `outside`. */
    seeds: { type: 'string', default: '1,2,3,4,5' },
    /** Writes a second that the writer of the part `outside` tries. */
    rates: { type: 'string', default: '3,10,28' },
    /** Whose writer the part `outside` runs. */
    release: { type: 'string', default: '2026.5.28' },
    /** Whose gateways the part `plugin` runs. */
    releases: { type: 'string', default: GATEWAY_RELEASES.join(',') },
  },
});

const say = (text: string) => console.log(text);
const seconds = positive('seconds', values.seconds);
const parts = {
  outside: () =>
    archiveOutside({
      seconds,
      seeds: values.seeds.split(',').map((one) => positive('seeds', one)),
      rates: values.rates.split(',').map((one) => positive('rates', one)),
      version: values.release,
      say,
    }),
  plugin: () => archiveThroughPlugin({ seconds, versions: values.releases.split(','), say }),
};
if (values.only !== undefined && !Object.hasOwn(parts, values.only))
  throw new Error(`--only ${values.only}: outside or plugin`);

say(`node ${process.version}, ${process.platform} ${process.arch}, ${cpus().length} cores`);
for (const [name, run] of Object.entries(parts)) {
  if (values.only !== undefined && values.only !== name) continue;
  if (!(await run())) process.exitCode = 1;
}

function positive(flag: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${flag} ${text}: a number above zero`);
  return value;
}
