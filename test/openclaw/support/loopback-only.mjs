// Preloaded into every OpenClaw process of the tests: connections leave only to loopback and to
// sockets of this machine, so that no test depends on a network or talks to one.
import net from 'node:net';

const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|::1)$/;
const connect = net.Socket.prototype.connect;

net.Socket.prototype.connect = function (...args) {
  const first = Array.isArray(args[0]) ? args[0][0] : args[0];
  const host = typeof first === 'object' ? (first?.host ?? 'localhost') : (args[1] ?? 'localhost');
  const isLocal = typeof first === 'object' && first?.path ? true : LOOPBACK.test(String(host));
  if (isLocal) return connect.apply(this, args);
  process.nextTick(() => this.destroy(new Error(`connect ${host}: tests stay on loopback`)));
  return this;
};
