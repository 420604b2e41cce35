import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, errnoOf } from '../errors.ts';
import type { EvidenceCollector } from './activity-evidence.ts';
import { isRecord, type JsonRecord, recordAt } from './read-json5.ts';

const QUEUES = ['delivery-queue', 'session-delivery-queue'];

/**
 * Messages that wait to be sent. Each is one `.json` file; `failed/` holds those
 * that OpenClaw gave up, and `.delivered` those that have gone out.
 */
export async function readDeliveryQueues(evidence: EvidenceCollector): Promise<void> {
  for (const queue of QUEUES) {
    const folder = join(evidence.stateDir, queue);
    for (const name of await entriesOf(folder, evidence)) {
      const path = join(folder, name);
      const entry = await evidence.readJson(path);
      if (entry === undefined) continue;
      if (!isRecord(entry) || !addEntry(entry, path, evidence)) {
        evidence.addUnreadable(path, 'names neither a session nor an address');
      }
    }
  }
}

async function entriesOf(folder: string, evidence: EvidenceCollector): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => name.endsWith('.json')).sort();
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') evidence.addUnreadable(folder, describe(error));
    return [];
  }
}

/** A message may run under one session and go to the conversation of another, so both count. */
function addEntry(entry: JsonRecord, path: string, evidence: EvidenceCollector): boolean {
  const session = recordAt(entry, 'session');
  const keys = [entry.sessionKey, session.key, session.policyKey, recordAt(entry, 'mirror').sessionKey];
  const addresses = [entry, recordAt(entry, 'route'), recordAt(entry, 'deliveryContext')];
  return [
    ...keys.map((key) => evidence.addKey(key, 'delivery-queued', path)),
    ...addresses.map((address) => evidence.addAddress(address, 'delivery-queued', path)),
  ].includes(true);
}
