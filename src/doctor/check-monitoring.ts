import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe } from '../errors.ts';
import { type Finding, ok, warning } from './check.ts';
import type { Examination } from './examination.ts';

/** Whoever watches runs. A run goes through without them: nothing here is a problem. */
export async function checkMonitoring({ settings }: Examination): Promise<readonly Finding[]> {
  if (!settings.ok) return [];
  const { healthcheck, metrics } = settings.value.config;
  return [
    ...(healthcheck.url === undefined
      ? []
      : // There is no ping that says nothing.
        [ok('the health check is told of every run; not tried, since a ping would count')]),
    ...(metrics.textfile === undefined ? [] : [await lookAtFolder(metrics.textfile)]),
  ];
}

async function lookAtFolder(textfile: string): Promise<Finding> {
  const folder = dirname(textfile);
  try {
    await access(folder, constants.W_OK | constants.X_OK);
    return ok(`may leave numbers for Prometheus in ${folder}`);
  } catch (error) {
    return warning(
      `leave numbers for Prometheus in ${folder}: ${describe(error)}`,
      "make the folder of node_exporter's textfile collector, and let the user that runs clawback write there",
    );
  }
}
