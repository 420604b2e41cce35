// Test-only plugin: performs what the Slack plugin does when a message comes in, inside the gateway and
// without Slack. `test.inbound` answers with what would have been delivered, and where.
export default {
  id: 'clawback-test-inbound',
  name: 'Synthetic Slack inbound',
  register(api) {
    api.registerGatewayMethod(
      'test.inbound',
      ({ params, respond }) => {
        receive(api, params).then(
          (delivered) => respond(true, { delivered }),
          (error) =>
            respond(false, undefined, { code: 'UNAVAILABLE', message: String(error?.stack ?? error) }),
        );
      },
      { scope: 'operator.admin' },
    );
  },
};

async function receive(api, { place, text, messageId }) {
  const { channel, agent, config } = api.runtime;
  const cfg = config.current();
  const { sessionKey, channelId, channelName, threadTs, userId } = place;
  const to = `channel:${channelId}`;
  const ctx = channel.reply.finalizeInboundContext({
    Body: text,
    BodyForAgent: text,
    RawBody: text,
    CommandBody: text,
    BodyForCommands: text,
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
    SenderName: 'Alice',
    WasMentioned: true,
    MessageThreadId: threadTs,
    MessageSid: messageId,
    Timestamp: Date.now(),
    CommandAuthorized: true,
  });
  const storePath = agent.session.resolveStorePath(cfg.session?.store, { agentId: 'main' });
  await channel.session.recordInboundSession({
    storePath,
    sessionKey,
    ctx,
    updateLastRoute: { sessionKey, channel: 'slack', to, accountId: 'default', threadId: threadTs },
    onRecordError: (error) => {
      throw error;
    },
  });
  const delivered = [];
  await channel.reply.dispatchReplyWithBufferedBlockDispatcher({
    ctx,
    cfg,
    dispatcherOptions: {
      deliver: async (payload, info) => {
        delivered.push({ text: payload.text, kind: info?.kind, to, threadTs });
      },
      onError: (error) => {
        throw error;
      },
    },
    replyOptions: {},
  });
  return delivered;
}
