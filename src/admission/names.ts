// Names that outsiders rely on.

/** On a pod or a namespace: `"true"` asks for the sidecar, `"false"` on a pod opts out. */
export const INJECT_ANNOTATION = 'sidecar.linnix.io/inject';
/** On a pod that was given the sidecar. */
export const STATUS_ANNOTATION = 'sidecar.linnix.io/status';
export const INJECTED = 'injected';
export const SIDECAR_NAME = 'cognitod-sidecar';
