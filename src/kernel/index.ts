// The kernel side of the agent: load, attach, drain, count.
export * from './btf.ts';
export * from './counters.ts';
export { elfInterpreter } from './elf.ts';
export * from './features.ts';
export * from './handover.ts';
export * from './loaded-programs.ts';
export * from './loader.ts';
export { missingToLoad } from './needed.ts';
export * from './object-helpers.ts';
export { OBJECT_FILES, OBJECTS, type ObjectSpec } from './objects.ts';
export * from './program-info.ts';
export * from './ring-reader.ts';
export * from './snapshot-reader.ts';
