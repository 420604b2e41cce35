import { test } from 'vitest';
import { FaultHome } from '../support/faults.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
test('x', async () => {
  const home = await FaultHome.create(await temporaryFolder());
  const plan = await home.lineStore(new (await import('../../src/sessions/file-session-store.ts')).FileSessionStore(home.storePath)).plan();
  console.log(plan.selected.map(s=>[s.action,s.reason,s.sessionKey,s.files.map(f=>f.name).join(' ')]), plan.kept, plan.keptFiles);
  const t = await home.run();
  console.log(t.counts, t.failures, t.leftAlone, t.filesLeft, t.problems);
});
