import { ACTIVE_METHOD, COMMIT_METHOD } from '../gateway/method-names.ts';
import type { Bridge } from './bridge.ts';
import type { MethodCall, OpenClawApi } from './openclaw-api.ts';

/** Loads the bridge, with everything that it needs, when it is first asked for. */
export type LoadBridge = () => Promise<Bridge>;

export function lazyBridge(api: OpenClawApi): LoadBridge {
  let loading: Promise<Bridge> | undefined;
  return () => {
    loading ??= import('./bridge.ts').then(({ openBridge }) => openBridge(api));
    return loading;
  };
}

/** The two methods that the command line calls. Both need the operator's admin scope. */
export function registerMethods(api: OpenClawApi, bridge: LoadBridge): void {
  const serve = (name: string, run: (bridge: Bridge, call: MethodCall) => Promise<unknown>) => {
    const handler = async (call: MethodCall) => {
      try {
        call.respond(true, await run(await bridge(), call));
      } catch (error) {
        const { toErrorData } = await import('../errors.ts');
        const details = toErrorData(error);
        if (details.code === 'internal') api.logger.error(`clawback: ${name}: ${details.message}`);
        call.respond(false, undefined, { code: 'UNAVAILABLE', message: details.message, details });
      }
    };
    api.registerGatewayMethod(name, handler, { scope: 'operator.admin' });
  };
  serve(COMMIT_METHOD, (open, { params, context }) => open.commit(params, context));
  serve(ACTIVE_METHOD, (open, { params, context }) => open.active(params, context));
}
