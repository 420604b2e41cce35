import { tmpdir } from 'node:os';
import { probeGateway } from '../openclaw/gateway-probe.ts';
import { type Finding, ok, problem } from './check.ts';
import { attempt, type Examination } from './examination.ts';

/** Whether a gateway is up, and which way a commit would take then. */
export async function checkGateway({ openclaw, stateDir }: Examination): Promise<readonly Finding[]> {
  if (!openclaw.ok) return [];
  const { configPath, gatewayPort } = openclaw.value;
  const probe = await attempt(() =>
    probeGateway({ stateDir, configPath, port: gatewayPort, tmpDir: tmpdir() }),
  );
  if (!probe.ok) return [problem(probe.error)];
  if (!probe.value.running)
    return [ok(`no gateway is up (port ${gatewayPort}): a run rewrites sessions.json itself`)];
  return [
    problem({
      message: `a gateway is up (${probe.value.detail}): a run stops before it changes anything`,
      hint: 'stop it for the run (openclaw gateway stop), or run with --allow-live-gateway at your own risk',
    }),
  ];
}
