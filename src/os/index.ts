// What the operating system does for a process, called through koffi: clocks, memory, locks, sockets, privileges.
export * from './clock-state.ts';
export * from './clocks.ts';
export * from './credentials.ts';
export * from './descriptors.ts';
export * from './errno.ts';
export * from './file-lock.ts';
export { landlockVersion, type Reach, restrictTo } from './landlock.ts';
export * from './memory.ts';
export { filterSystemCalls } from './seccomp.ts';
export * from './signals.ts';
export * from './socket.ts';
export { boottimeOffsetNs } from './time-namespace.ts';
