import { openCodec } from '../codec/open.ts';
import { type Finding, ok, problem } from './check.ts';
import { attempt, type Examination } from './examination.ts';

/** The oldest Node that the package allows. */
const MIN_NODE = [20, 19] as const;

/** Node, and the zstd that it comes to. */
export async function checkRuntime({ settings }: Examination): Promise<readonly Finding[]> {
  return [
    checkNode(process.versions.node),
    ...(await checkEngine(settings.ok ? settings.value.config.compression.engine : 'auto')),
  ];
}

export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isEnough = major > MIN_NODE[0] || (major === MIN_NODE[0] && minor >= MIN_NODE[1]);
  if (isEnough) return ok(`Node ${version}`);
  return problem({
    message: `Node ${version} is older than ${MIN_NODE.join('.')}`,
    hint: 'install Node 22.19 or later, as OpenClaw itself asks for',
  });
}

async function checkEngine(choice: Parameters<typeof openCodec>[0]): Promise<Finding[]> {
  const codec = await attempt(() => openCodec(choice));
  if (!codec.ok) return [problem(codec.error)];
  if (codec.value.engine === 'node') return [ok('zstd: the one of this Node')];
  return [ok('zstd: WebAssembly, which is slower; Node 22.15 and later have one of their own')];
}
