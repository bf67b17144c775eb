// Names that outsiders rely on.

/** On a pod or a namespace: `"true"` asks for the sidecar, `"false"` on a pod opts out. */
export const INJECT_ANNOTATION = 'sidecar.linnix.io/inject';
/** On a pod that was given the sidecar. */
export const STATUS_ANNOTATION = 'sidecar.linnix.io/status';
export const INJECTED = 'injected';
/** On a pod: `"true"` lets others than the pod itself read the sidecar's metrics. */
export const METRICS_ANNOTATION = 'sidecar.linnix.io/metrics';
/** The port of the sidecar with its metrics, for a PodMonitor. */
export const METRICS_PORT = 'cognitod-ops';
/** An empty volume that is mounted where the service account's token would be. */
export const NO_TOKEN_VOLUME = 'cognitod-no-token';
export const SIDECAR_NAME = 'cognitod-sidecar';
