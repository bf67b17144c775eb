// Evidence for auditors, made from the running agent.
export { AnchorQueue, type AnchoredRecord, anchorText, createAnchorEvent } from './anchor-events.ts';
export * from './cluster-policies.ts';
export { type Chain, ChainFile, headOf, MemoryChain } from './chain-file.ts';
export { ConnectionCounts, type ConnectionCount } from './connection-counts.ts';
export { describeConfiguration } from './configuration.ts';
export { describePrograms } from './programs.ts';
export { ownSigningKey, readSigningKey, type SigningKey } from './signing-key.ts';
export {
  EvidenceRecorder,
  type EvidenceSnapshot,
  type RecorderHealth,
  type RecorderOptions,
} from './recorder.ts';
