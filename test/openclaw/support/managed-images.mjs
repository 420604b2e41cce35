// Run with an OpenClaw home's environment, by OpenClaw's own code:
//   create <sessionKey> <messageId>   stores an image as the gateway does when it sends one; prints the content blocks
//   clean <sessionKey>                removes what no message holds, as the gateway does when a history is opened
import { importFunction } from './import-function.mjs';

const [packageDir, verb, sessionKey, messageId] = process.argv.slice(2);

const PIXEL =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

async function run() {
  if (verb === 'create') {
    const create = await importFunction(packageDir, 'createManagedOutgoingImageBlocks');
    return create({ sessionKey, messageId, mediaUrls: [PIXEL] });
  }
  const clean = await importFunction(packageDir, 'cleanupManagedOutgoingImageRecords');
  return clean({ sessionKey });
}

process.stdout.write(JSON.stringify(await run()), () => process.exit(0));
