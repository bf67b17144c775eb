// Bytes from the kernel to typed events.
export * from './check-layout.ts';
export * from './decoder.ts';
export type * from './event.ts';
export { budgetFor } from './secrets/ranges.ts';
export * from './secrets/secrets.ts';
export { decodeText, rawText, readableText, splitArgv } from './text.ts';
