import { describe, expect, it } from 'vitest';
import { parseSlackPermalink, slackKeySuffixes } from '../../src/sessions/slack-permalink.ts';

const CHANNEL_MESSAGE = 'https://team.slack.com/archives/C0123ABCD/p1712345678901234';
const REPLY = `${CHANNEL_MESSAGE}?thread_ts=1712345600.000100&cid=C0123ABCD`;
const parsed = { channelId: 'c0123abcd', messageTs: '1712345678.901234' };
const parsedReply = { ...parsed, threadTs: '1712345600.000100' };

describe('a Slack permalink', () => {
  it('names a channel and a message', () => {
    expect(parseSlackPermalink(CHANNEL_MESSAGE)).toEqual(parsed);
  });

  it('names the thread too, if the message is a reply', () => {
    expect(parseSlackPermalink(REPLY)).toEqual(parsedReply);
  });

  it.each([
    ['spaces around it', `  ${REPLY} \n`],
    ['angle brackets', `<${REPLY}>`],
    ['a label', `<${REPLY}|see here>`],
    ['a label without brackets', `${REPLY}|see here`],
    ['escaped ampersands', `<${REPLY.replace('&', '&amp;')}>`],
    ['the parameters in another order', `${CHANNEL_MESSAGE}?cid=C0123ABCD&thread_ts=1712345600.000100`],
    ['a fragment', `${REPLY}#top`],
    ['an enterprise host', REPLY.replace('team.slack.com', 'team.enterprise.slack.com')],
    ['a government host', REPLY.replace('team.slack.com', 'team.slack-gov.com')],
    ['capitals in the host', REPLY.replace('team.slack.com', 'Team.Slack.com')],
    ['a lower-case channel', REPLY.replaceAll('C0123ABCD', 'c0123abcd')],
  ])('is read with %s', (_what, text) => {
    expect(parseSlackPermalink(text)).toEqual(parsedReply);
  });

  it.each([
    ['another host', CHANNEL_MESSAGE.replace('slack.com', 'slack.com.evil.example')],
    ['a host that only ends alike', CHANNEL_MESSAGE.replace('team.slack.com', 'evilslack.com')],
    ['a host hidden behind a user name', CHANNEL_MESSAGE.replace('team.', 'team.slack.com@evil.')],
    ['a user name', CHANNEL_MESSAGE.replace('team.', 'me@team.')],
    ['a port', CHANNEL_MESSAGE.replace('.com', '.com:8443')],
    ['plain http', CHANNEL_MESSAGE.replace('https', 'http')],
    ['another scheme', CHANNEL_MESSAGE.replace('https', 'javascript')],
    ['no message', 'https://team.slack.com/archives/C0123ABCD'],
    ['a message id of the wrong length', CHANNEL_MESSAGE.slice(0, -1)],
    ['path steps', 'https://team.slack.com/archives/../archives/C0123ABCD/p171234567890123'],
    ['an encoded slash', CHANNEL_MESSAGE.replace('C0123ABCD', 'C01%2F23')],
    ['a key separator in the channel', CHANNEL_MESSAGE.replace('C0123ABCD', 'C01:thread:1')],
    ['a damaged thread', REPLY.replace('1712345600.000100', '1712345600.0001:x')],
    ['an empty thread', `${CHANNEL_MESSAGE}?thread_ts=`],
    ['a line break inside', CHANNEL_MESSAGE.replace('archives', 'arch\nives')],
    ['a NUL inside', CHANNEL_MESSAGE.replace('C0123ABCD', 'C0123\u0000')],
    ['more than 2048 characters', `${CHANNEL_MESSAGE}?x=${'x'.repeat(2048)}`],
    ['a session key', 'agent:main:slack:channel:c0123abcd'],
    ['nothing', ''],
    ['brackets only', '<|>'],
  ])('is not seen in %s', (_what, text) => {
    expect(parseSlackPermalink(text)).toBeUndefined();
  });
});

describe('the session keys that may hold a linked message', () => {
  it('are, for a reply, its thread first and then the channel', () => {
    expect(slackKeySuffixes(parsedReply)).toEqual([
      'slack:channel:c0123abcd:thread:1712345600.000100',
      'slack:group:c0123abcd:thread:1712345600.000100',
      'slack:channel:c0123abcd',
      'slack:group:c0123abcd',
    ]);
  });

  it('are, for any other message, the thread that it may have started and then the channel', () => {
    expect(slackKeySuffixes(parsed)).toEqual([
      'slack:channel:c0123abcd:thread:1712345678.901234',
      'slack:group:c0123abcd:thread:1712345678.901234',
      'slack:channel:c0123abcd',
      'slack:group:c0123abcd',
    ]);
  });
});
