import { lookForRoad } from '../runs/store-roads.ts';
import { type Finding, ok, problem, warning } from './check.ts';
import { attempt, type Examination } from './examination.ts';

/** Whether a gateway is up, and which way a commit would take then. */
export async function checkGateway(examination: Examination): Promise<readonly Finding[]> {
  const { openclaw, stateDir, options } = examination;
  if (!openclaw.ok) return [];
  const road = await attempt(() => lookForRoad({ stateDir, openclaw: openclaw.value, env: options.env }));
  if (!road.ok) return [problem(road.error)];
  road.value.close();
  const { name, why } = road.value;
  if (name === 'direct') {
    const { gatewayPort } = openclaw.value;
    return [ok(`no gateway is up (port ${gatewayPort}): a run rewrites sessions.json itself`)];
  }
  if (name === 'gateway') return [ok(`${why}: it changes the rows itself, exactly`)];
  const text = `${why}: a run watches each of its changes for most of a minute before it frees the files`;
  return [warning(text, road.value.hint)];
}
