// The live state of the node: process tree and totals.
export * from './activity.ts';
export * from './applied-event.ts';
export * from './late-binding.ts';
export type { Ledger } from './ledger.ts';
export type * from './process.ts';
export * from './process-id.ts';
export * from './process-table.ts';
export type * from './stage.ts';
export type * from './view.ts';
export type { ClockReader } from './wall-clock.ts';
export * from './workload-totals.ts';
