import { z } from 'zod';

export const LEASE_FORMAT = 'clawback.lease/1';

const recordSchema = z.object({
  format: z.literal(LEASE_FORMAT),
  state: z.enum(['held', 'released']),
  /** Of one run; all its leases have the same. */
  id: z.uuid(),
  host: z.string(),
  /** The running kernel and the PID namespace in it, where the system tells them: names of hosts repeat. */
  machine: z.string().optional(),
  pid: z.int(),
  /** Kernel start time of the process, where the system tells it: a recycled pid is another process. */
  processStart: z.int().optional(),
  /** Which objects are its: what it has begun to write must not be cleared away. Absent: nobody knows which are. */
  runId: z.string().optional(),
  /** For whoever finds the store taken: `clawback archive`. */
  command: z.string(),
  acquiredAt: z.iso.datetime(),
  /** By the holder's clock. */
  expiresAt: z.iso.datetime(),
});

/** One object of a store's leases: somebody holds it until then, or has given it back. */
export type LeaseRecord = z.infer<typeof recordSchema>;

/** Larger is no record of ours. */
export const MAX_LEASE_BYTES = 4096;

export function encodeLease(record: LeaseRecord): Uint8Array {
  return Buffer.from(`${JSON.stringify(record)}\n`);
}

/** Undefined for what is damaged, foreign or of a later clawback: never taken for free. */
export function decodeLease(bytes: Uint8Array): LeaseRecord | undefined {
  try {
    return recordSchema.safeParse(JSON.parse(Buffer.from(bytes).toString('utf8'))).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
