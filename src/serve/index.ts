// HTTP: the API with its event stream, and the metrics.
export type * from './agent-view.ts';
export {
  type ApiServer,
  type ApiServerOptions,
  type ApiTls,
  createApiServer,
  requireLoopback,
} from './api-server.ts';
export type { StreamStats } from './streams/event-streams.ts';
export type { LiveStats } from './streams/live-processes.ts';
export { createMetrics, type Metrics, type MetricsSource } from './metrics/metrics.ts';
