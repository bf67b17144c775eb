// Bytes from the kernel to typed events.
export type * from './event.ts';
