import { parentPort, workerData } from 'node:worker_threads';
import { openCodec } from '../codec/open.ts';
import { ClawbackError, toErrorData } from '../errors.ts';
import { Fence, type LeaseCheck } from '../leases/fence.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import { openObjectStore } from '../objects/open.ts';
import { verifyContent } from '../verify/verify-pack.ts';
import { type ShipContext, shipBatch } from './ship-batch.ts';
import type { ShipReply, ShipStep, ShipTask, VerifyReply, VerifyTask, WorkerSettings } from './task.ts';

/** Opened at the first task and kept: connections and the WASM heap live as long as the thread. */
let context: Promise<ShipContext> | undefined;

async function openContext(settings: WorkerSettings): Promise<ShipContext> {
  const [objects, codec] = await Promise.all([openObjectStore(settings.archive), openCodec(settings.engine)]);
  const lease = leaseOf(objects, settings);
  const onStep = (step: ShipStep) => parentPort?.postMessage(step);
  return { objects, codec, settings, lease, nowMs: () => Date.now(), onStep };
}

function leaseOf(objects: ObjectStore, { instance, lease }: WorkerSettings): LeaseCheck {
  if (lease !== null) return new Fence(objects, instance, lease);
  const refuse = () => {
    throw new ClawbackError('internal', 'ship a batch: this pool holds no lease, it only verifies');
  };
  return { assertHeld: async () => refuse(), assertNotKnownLost: refuse };
}

export async function ship(task: ShipTask): Promise<ShipReply> {
  try {
    context ??= openContext(workerData as WorkerSettings);
    return { ok: true, report: await shipBatch(await context, task) };
  } catch (error) {
    return { ok: false, error: toErrorData(error) };
  }
}

export async function verify(task: VerifyTask): Promise<VerifyReply> {
  try {
    context ??= openContext(workerData as WorkerSettings);
    const { objects, codec } = await context;
    await verifyContent(objects, codec, task.pack, task.files);
    return { ok: true };
  } catch (error) {
    return { ok: false, error: toErrorData(error) };
  }
}
