// HTTP: the API with its event stream, and the metrics.
export type * from './agent-view.ts';
export {
  type ApiServer,
  type ApiServerOptions,
  type ApiTls,
  checkApiServer,
  createApiServer,
} from './api-server.ts';
export type { StreamStats } from './event-streams.ts';
export type { LiveStats } from './live-processes.ts';
export { createMetrics, type Metrics, type MetricsSource } from './metrics.ts';
