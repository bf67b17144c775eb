// What the HTTP stage may ask of the running agent; main implements it.
import type {
  ConfigurationJson,
  DoctorJson,
  EvidenceJson,
  EvidenceQuery,
  LastSelfTestJson,
  ReadyJson,
  SelfTestJson,
  StatusJson,
} from '../api/index.ts';
import type { NodeReader } from '../collect/index.ts';
import type { EventBus } from '../model/index.ts';
import type { ActivitySource } from '../encode/index.ts';

/** The agent as its HTTP listeners see it. Every call but the self-test is cheap enough for each request. */
export interface AgentView extends ActivitySource {
  readonly bus: EventBus;
  readonly node: Pick<NodeReader, 'read'>;
  /** `clients` and `memory` included: what it returns is answered as it is. */
  status(): StatusJson;
  readiness(): ReadyJson;
  /** The records of these days, and the one under way. */
  evidence(query: EvidenceQuery): EvidenceJson;
  /** The findings of the last seconds; checks run at most once in that time, whoever asks. */
  doctor(): Promise<DoctorJson>;
  /** Starts a process, at most one a second; never rejects. */
  selfTest(): Promise<SelfTestJson>;
  lastSelfTest(): LastSelfTestJson;
  configuration(): ConfigurationJson;
}
