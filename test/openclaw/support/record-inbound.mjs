// Run with an OpenClaw home's environment: records Slack messages as the Slack plugin does before it
// answers, through the public plugin SDK. It writes the row's routing; the turn itself is run by
// `openclaw agent`. Takes the package folder, the store and a JSON list of messages.
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [packageDir, storePath, messages] = process.argv.slice(2);
const sdk = createRequire(join(packageDir, 'package.json')).resolve(
  'openclaw/plugin-sdk/conversation-runtime',
);
const { recordInboundSession } = await import(sdk);

for (const { sessionKey, channelId, channelName, threadTs, userId } of JSON.parse(messages)) {
  const to = `channel:${channelId}`;
  await recordInboundSession({
    storePath,
    sessionKey,
    ctx: {
      SessionKey: sessionKey,
      Provider: 'slack',
      Surface: 'slack',
      OriginatingChannel: 'slack',
      OriginatingTo: to,
      From: `slack:channel:${channelId}`,
      To: to,
      ChatType: 'channel',
      AccountId: 'default',
      NativeChannelId: channelId,
      GroupSubject: channelName,
      GroupChannel: channelName,
      SenderId: userId,
      MessageThreadId: threadTs,
    },
    updateLastRoute: { sessionKey, channel: 'slack', to, accountId: 'default', threadId: threadTs },
    onRecordError: (error) => {
      throw error;
    },
  });
}
