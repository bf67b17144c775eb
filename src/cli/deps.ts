// What the command line is given by main.ts: streams, environment, and the work of other stages.
import type { Readable, Writable } from 'node:stream';
import type { EventJson, FindingJson, StatusJson } from '../api/index.ts';
import type { Config } from '../lib/index.ts';

/** The terminal parts of a stream that matter here. */
export type Output = Writable & { isTTY?: boolean; columns?: number };

/** Options of `cognitod agent` as parsed from the command line. */
export interface AgentCommandOptions {
  readonly configFile: string | undefined;
  readonly checkConfig: boolean;
  readonly json: boolean;
  readonly color: boolean;
  /** Dotted configuration paths set by flags, e.g. `api.listen`. */
  readonly overrides: Readonly<Record<string, unknown>>;
  readonly env: NodeJS.ProcessEnv;
  readonly stdout: Output;
  readonly stderr: Output;
}

/** Options of `cognitod admission`, likewise. */
export type AdmissionCommandOptions = Omit<AgentCommandOptions, 'color'>;

/** What the names in a cgroup path say; the fields of `cognitod cgroup --json`. */
export interface ParsedCgroup {
  readonly containerId: string | null;
  readonly podUid: string | null;
  readonly runtime: string | null;
  readonly qos: string | null;
  readonly tags: readonly string[];
  readonly unit: string | null;
  readonly userUnit?: string;
  /** Container and pod are only claimed: the agent would not believe them there. */
  readonly claimed?: true;
  /** Names that are not believed, beside what is told. */
  readonly claim?: { readonly podUid: string | null; readonly containerId: string | null };
}

export interface Diagnosis {
  readonly checks: readonly FindingJson[];
  /** YAML. */
  readonly manifest: string;
}

/** The running agent as the doctor asks it. */
export interface DoctorAgent {
  readonly address: string;
  status(): Promise<StatusJson>;
  watch(): Promise<{ events: AsyncIterable<EventJson>; close(): void }>;
}

export interface CliDeps {
  readonly stdin: Readable & { isTTY?: boolean };
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: NodeJS.ProcessEnv;
  readonly version: string;
  /** Runs the agent until a signal; resolves with the exit code. */
  runAgent(options: AgentCommandOptions): Promise<number>;
  /** The checks; without an agent only those of the node. */
  loadDoctor(): Promise<{ diagnose(config: Config, agent: DoctorAgent | null): Promise<Diagnosis> }>;
  /** Runs the admission webhook until a signal; resolves with the exit code. */
  runAdmission(options: AdmissionCommandOptions): Promise<number>;
  /** The parser of the identity stage. */
  loadCgroupParser(): Promise<(text: string) => ParsedCgroup>;
}
