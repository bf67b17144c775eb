// The HTTP contract: schemas and types that server, command line and dashboard share.
export * from './collected-data.ts';
export * from './event.ts';
export * from './evidence.ts';
export * from './process.ts';
export type { PlaceQuery } from './query.ts';
export * from './status.ts';
