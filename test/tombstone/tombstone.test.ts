import { describe, expect, it } from 'vitest';
import { tombstoneMark } from '../../src/sessions/row.ts';
import { isProtected } from '../../src/sessions/session-key.ts';
import type { Row } from '../../src/sessions/session-store.ts';
import { tombstoneOf } from '../../src/tombstone/tombstone.ts';

const ROUTING: Row = {
  route: { channel: 'slack', target: { to: 'channel:C1' }, thread: { id: '1.1' } },
  deliveryContext: { channel: 'slack', to: 'channel:C1', accountId: 'default', threadId: '1.1' },
  lastChannel: 'slack',
  lastTo: 'channel:C1',
  lastAccountId: 'default',
  lastThreadId: '1.1',
  origin: { label: '#general', provider: 'slack', chatType: 'channel', from: 'slack:U1', to: 'channel:C1' },
  chatType: 'channel',
  channel: 'slack',
  groupId: 'C1',
  groupChannel: '#general',
  subject: 'General',
  space: 'T1',
  displayName: 'slack:#general',
  label: 'general',
  provider: 'slack',
  lastProvider: 'slack',
  room: 'C1',
};

const SETTINGS: Row = {
  groupActivation: 'always',
  groupActivationNeedsSystemIntro: false,
  sendPolicy: 'allow',
  queueMode: 'collect',
  queueDebounceMs: 500,
  queueCap: 20,
  queueDrop: 'old',
  thinkingLevel: 'high',
  fastMode: true,
  verboseLevel: 'on',
  traceLevel: 'off',
  reasoningLevel: 'stream',
  elevatedLevel: 'ask',
  ttsAuto: 'inbound',
  responseUsage: 'tokens',
  execHost: 'sandbox',
  execSecurity: 'allowlist',
  execAsk: 'on-miss',
  execNode: 'n1',
  providerOverride: 'anthropic',
  modelOverride: 'opus',
  modelOverrideSource: 'user',
  modelOverrideFallbackOriginModel: 'sonnet',
  agentRuntimeOverride: 'pi',
  authProfileOverride: 'work',
  authProfileOverrideSource: 'user',
  authProfileOverrideCompactionCount: 2,
};

const LINEAGE: Row = {
  spawnedBy: 'agent:main:main',
  spawnedWorkspaceDir: '/w',
  spawnedCwd: '/w',
  parentSessionKey: 'agent:main:slack:channel:c1',
  forkedFromParent: true,
  spawnDepth: 1,
  subagentRole: 'leaf',
  subagentControlScope: 'none',
  inheritedToolDeny: ['exec'],
  pluginOwnerId: 'p',
  usageFamilyKey: 'agent:main:slack:channel:c1',
};

const HEAVY: Row = {
  systemPromptReport: { tools: ['x'] },
  skillsSnapshot: { promptRef: { hash: 'a'.repeat(64) } },
  compactionCheckpoints: [{ summary: 's' }],
  contextBudgetStatus: { used: 1 },
  pluginDebugEntries: ['x'],
  pluginExtensions: { p: {} },
  pluginExtensionSlotKeys: { p: [] },
};

const PAST: Row = {
  sessionFile: 'old.jsonl',
  status: 'done',
  sessionStartedAt: 1,
  lastInteractionAt: 2,
  lastActivityAt: 2,
  startedAt: 1,
  endedAt: 2,
  runtimeMs: 1,
  abortedLastRun: false,
  systemSent: true,
  inputTokens: 1,
  outputTokens: 2,
  totalTokens: 3,
  totalTokensFresh: true,
  cacheRead: 1,
  cacheWrite: 1,
  estimatedCostUsd: 0.1,
  contextTokens: 5,
  compactionCount: 1,
  memoryFlushAt: 1,
  model: 'm',
  modelProvider: 'p',
  agentHarnessId: 'pi',
  fallbackNoticeReason: 'x',
};

const ROW: Row = { sessionId: 'old', updatedAt: 9, ...ROUTING, ...SETTINGS, ...LINEAGE, ...HEAVY, ...PAST };
const input = { row: ROW, archiveId: '20261121t090000z-00000001-0001.0', sessionId: 'new' };

describe('a tombstone', () => {
  const tombstone = tombstoneOf(input);

  it.each(Object.entries({ ...ROUTING, ...SETTINGS, ...LINEAGE }))('keeps %s', (field, value) => {
    expect(tombstone[field]).toEqual(value);
  });

  it.each(Object.keys({ ...HEAVY, ...PAST }))('drops %s', (field) => {
    expect(tombstone).not.toHaveProperty(field);
  });

  it('consists of nothing else than routing, settings, lineage and our own fields', () => {
    const own = ['sessionId', 'updatedAt', 'usageFamilySessionIds', 'clawback'];
    expect(Object.keys(tombstone).sort()).toEqual(
      [...Object.keys({ ...ROUTING, ...SETTINGS, ...LINEAGE }), ...own].sort(),
    );
  });

  it('is dated 0, so that the next message counts as the first one', () => {
    expect(tombstone.updatedAt).toBe(0);
  });

  it('runs under a fresh session id and has the old one in its family', () => {
    expect(tombstone.sessionId).toBe('new');
    expect(tombstone.usageFamilySessionIds).toEqual(['old']);
  });

  it('keeps the family that the row had, each once, and only strings', () => {
    const row = { ...ROW, usageFamilySessionIds: ['older', null, 'old', 'older'] };
    expect(tombstoneOf({ ...input, row }).usageFamilySessionIds).toEqual(['older', 'old']);
  });

  it('keeps a family of any length', () => {
    const family = Array.from({ length: 100 }, (_, n) => `session-${n}`);
    const row = { ...ROW, usageFamilySessionIds: family };
    expect(tombstoneOf({ ...input, row }).usageFamilySessionIds).toEqual([...family, 'old']);
  });

  it('has no family if the row had no session id', () => {
    expect(tombstoneOf({ ...input, row: { updatedAt: 5 } })).not.toHaveProperty('usageFamilySessionIds');
  });

  it('carries our mark, and no field that OpenClaw reads as archived or pinned', () => {
    expect(tombstoneMark(tombstone)).toEqual({ v: 1, archiveId: input.archiveId, sessionId: 'new' });
    for (const forbidden of ['archivedAt', 'pinnedAt'])
      expect(JSON.stringify(tombstone)).not.toContain(forbidden);
  });

  it('names its stub transcript if there is to be one', () => {
    expect(tombstoneOf({ ...input, stubFile: 'new.jsonl' }).sessionFile).toBe('new.jsonl');
    expect(tombstone).not.toHaveProperty('sessionFile');
  });

  it('keeps routing and settings of a size, and unknown fields only while they are small', () => {
    const long = 'x'.repeat(2000);
    const made = tombstoneOf({
      ...input,
      row: { ...ROW, subject: long, origin: { label: long }, newField: 'small', newTable: { long } },
    });
    expect(made).toMatchObject({ subject: long, origin: { label: long }, newField: 'small' });
    expect(made).not.toHaveProperty('newTable');
  });

  it('is as protected as the row was, by key or by chat type', () => {
    expect(isProtected('agent:main:dashboard:x', tombstone)).toBe(true);
  });

  it('leaves the row that it was made of alone, and is made again the same', () => {
    const before = structuredClone(ROW);
    expect(tombstoneOf(input)).toEqual(tombstone);
    expect(ROW).toEqual(before);
  });

  it('takes about a kilobyte, whatever the row took', () => {
    const row = { ...ROW, systemPromptReport: { text: 'x'.repeat(12_000) } };
    expect(JSON.stringify(tombstoneOf({ ...input, row }), null, 2).length).toBeLessThan(2600);
  });
});
