// The model as documents and records: what the server answers, and what recordings and outputs will take.
export { countsJson, placeJson, usageJson } from './activity-json.ts';
export {
  type AgentFigures,
  compatEvent,
  compatGraph,
  compatMetrics,
  compatProcess,
  compatStatus,
  compatSystem,
  transportOf,
} from './compat-json.ts';
export { EventEncoder } from './event-json.ts';
export { type ActivitySource, type Occupied, occupiedPlaces, type UsageView } from './occupied-places.ts';
export { processDetailJson, processJson } from './process-json.ts';
export { signalName } from './signal-name.ts';
