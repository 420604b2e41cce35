// Entry point of a pool thread; the body is src/ship/worker-body.ts.
export { ship, verify } from '../src/ship/worker-body.ts';
