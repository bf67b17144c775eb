// Bytes from the kernel to typed events.
export * from './check-layout.ts';
export * from './decoder.ts';
export type * from './event.ts';
