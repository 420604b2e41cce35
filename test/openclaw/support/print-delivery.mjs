// Run with an OpenClaw home's environment: prints, for each session key given, where OpenClaw's own
// code would deliver a message. `extractDeliveryInfo` is what its proactive sends and restart notices use.
import { importFunction } from './import-function.mjs';

const [packageDir, ...sessionKeys] = process.argv.slice(2);
const extractDeliveryInfo = await importFunction(packageDir, 'extractDeliveryInfo');

process.stdout.write(
  JSON.stringify(Object.fromEntries(sessionKeys.map((key) => [key, extractDeliveryInfo(key)]))),
);
