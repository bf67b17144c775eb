// Names of pods, containers and workloads, from the sources that know them.
export type * from './facts.ts';
export { METADATA_SOURCES } from './facts.ts';
export type { Metadata, MetadataParts, MetadataProvenance } from './metadata.ts';
export { isBareDigest } from './image-name.ts';
export { type AllowList, type SelectionOptions, selectEntries } from './selection.ts';
export { withPod } from './with-pod.ts';
export type { InferredCounts } from './inferred-names.ts';
export { GONE_AFTER_MS, MetadataStore, type MetadataStoreOptions } from './metadata-store.ts';
