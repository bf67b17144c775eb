// The privileged part of the agent's start, apart from everything that needs no privileges.
export { type Confinement, UNCONFINED } from './confine.ts';
export { type OpenedPrograms, openPrograms } from './open-programs.ts';
export { type PrivilegedStart, startPrivileged } from './privileged-start.ts';
