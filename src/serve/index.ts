// HTTP: the API with its event stream, and the operations listener with probes and metrics.
export type * from './agent-view.ts';
export { type ApiServer, type ApiServerOptions, type ApiTls, createApiServer } from './api-server.ts';
export type { StreamStats } from './event-streams.ts';
export type { LiveStats } from './live-processes.ts';
export { refuseMalformed } from './http-app.ts';
export {
  type BoundAddress,
  type ListenAddress,
  type ListenerName,
  openListener,
  resolveHost,
} from './listener.ts';
export { createMetrics, type Metrics, type MetricsSource } from './metrics.ts';
export { createOpsServer, type OpsServer, type OpsServerOptions } from './ops-server.ts';
export { problemOf, sendProblem } from './problem.ts';
