// The live state of the node: process tree and totals.
export * from './applied-event.ts';
export type * from './process.ts';
export * from './process-id.ts';
export type * from './view.ts';
