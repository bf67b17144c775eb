// HTTP: the API with its event stream, and the operations listener with probes and metrics.
export type * from './agent-view.ts';
export { type ApiServer, type ApiServerOptions, createApiServer } from './api-server.ts';
export { EventEncoder } from './event-json.ts';
export type { StreamStats } from './event-streams.ts';
export type { BoundAddress, ListenAddress } from './listener.ts';
export { createMetrics, type Metrics, type MetricsSource } from './metrics.ts';
export { createOpsServer, type OpsServer, type OpsServerOptions } from './ops-server.ts';
