// What every listener is made of: the application, limits, TLS, who asks, problems, metrics, and streams that lose exactly.
export { accessGuard } from './access.ts';
export { AccessCounts } from './access-counts.ts';
export { accessLine } from './access-log.ts';
export { BacklogPump } from './backlog-pump.ts';
export {
  type Exemplar,
  type Family,
  familyText,
  labelText,
  type MetricsFormat,
} from './exposition.ts';
export {
  addProbes,
  createHttpApp,
  type HttpLog,
  type ProbeFields,
  type Readiness,
  type ServedRoute,
} from './http-app.ts';
export {
  type BoundAddress,
  type ListenerName,
  openListener,
  resolveHost,
} from './listener.ts';
export { createOpsServer, type OpsServer, type OpsServerOptions } from './ops-server.ts';
export { isLoopbackAddress } from './origin.ts';
export { problemOf } from './problem.ts';
export { RateLimit } from './rate-limit.ts';
export { parseQuery } from './request-query.ts';
export { addRoute, type RouteRequest } from './route.ts';
export {
  gapRecord,
  StreamClient,
  type StreamSocket,
  type StreamTotals,
  streamRecord,
} from './stream-client.ts';
export { StreamClients } from './stream-clients.ts';
export { RenewedFiles } from './renewed-files.ts';
export { readTls, type TlsFiles, type TlsMaterial, type TlsStats, TlsWatcher } from './tls-files.ts';
