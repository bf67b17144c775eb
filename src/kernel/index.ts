// The kernel side of the agent: load, attach, drain, count.
export * from './btf.ts';
export * from './clock-state.ts';
export * from './counters.ts';
export * from './credentials.ts';
export { elfInterpreter } from './elf.ts';
export * from './features.ts';
export * from './handover.ts';
export { landlockVersion, type Reach, restrictTo } from './landlock.ts';
export * from './libc.ts';
export * from './loader.ts';
export * from './object-helpers.ts';
export * from './program-info.ts';
export * from './ring-reader.ts';
export { filterSystemCalls } from './seccomp.ts';
export * from './snapshot-reader.ts';
export * from './socket.ts';
export { boottimeOffsetNs } from './time-namespace.ts';
