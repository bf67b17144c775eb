// The privileged moment: loads and attaches, gives every privilege up, and execs itself into the agent proper, the same
// process with nothing but the descriptors of what was loaded. Only an exec takes effect in all of Node's threads.
import { COUNTER_LAYOUT } from '../decode/index.ts';
import {
  handOver,
  type LoadedPrograms,
  mapOf,
  type ProgramsHandover,
  readCounters,
  takeOver,
} from '../kernel/index.ts';
import { dropPrivileges, raisePermitted, withoutEffective } from '../os/index.ts';
import { type Config, loadConfig } from '../lib/index.ts';
import { type Confinement, confine, UNCONFINED } from './confine.ts';
import { type OpenedPrograms, openPrograms } from './open-programs.ts';

/** Where the descriptors stand in the environment between the two halves of the start. */
const VARIABLE = 'COGNITOD_HANDOVER';

/** Of the command line, what decides the start. */
export interface StartOptions {
  readonly configFile: string | undefined;
  readonly checkConfig: boolean;
  /** Dotted configuration paths set by flags, e.g. `api.listen`. */
  readonly overrides: Readonly<Record<string, unknown>>;
  /** What is handed over to the agent proper is taken out of it. */
  readonly env: NodeJS.ProcessEnv;
}

/** How the agent came to what it holds. */
export interface PrivilegedStart {
  readonly opened: OpenedPrograms;
  /** From the start of the process until everything was given up; null when it was not. */
  readonly privilegedSeconds: number | null;
  /** Capabilities that were kept on purpose. */
  readonly kept: readonly string[];
  readonly confinement: Confinement;
}

interface Handover {
  /** Of whom it is for: a child that inherits the environment is not meant. */
  readonly pid: number;
  readonly privilegedSeconds: number;
  readonly kept: readonly string[];
  readonly confinement: Confinement;
  readonly reason: string;
  readonly programs: ProgramsHandover | null;
}

/**
 * Called twice: before the exec it does not return, unless the configuration keeps privileges or is only to be checked
 * (then null); after it, it gives what was handed over. Throws CognitodError when the configuration is wrong or loading
 * fails.
 */
export function startPrivileged(options: StartOptions): PrivilegedStart | null {
  const handover = takeHandover(options.env);
  if (handover !== null) return fromHandover(handover);
  if (options.checkConfig) return null;
  const { config } = loadConfig({
    ...(options.configFile === undefined ? {} : { file: options.configFile }),
    env: options.env,
    overrides: options.overrides,
  });
  raisePermitted();
  const opened = openPrograms(config);
  if (!config.privileges.drop) return { opened, privilegedSeconds: null, kept: [], confinement: UNCONFINED };
  const kept = keptCapabilities(config, opened);
  const programs = opened.kind === 'ebpf' ? handOver(opened.programs) : null;
  dropPrivileges(kept);
  const readsOthers = opened.kind === 'procfs' || config.privileges.keep.length > 0;
  const confinement = config.privileges.confine ? confine(config, readsOthers) : UNCONFINED;
  const next: Handover = {
    pid: process.pid,
    privilegedSeconds: performance.now() / 1000,
    kept,
    confinement,
    reason: opened.reason,
    programs,
  };
  const env = { ...process.env, [VARIABLE]: JSON.stringify(next) };
  process.execve!(process.execPath, [process.argv0, ...process.execArgv, ...process.argv.slice(1)], env);
  throw new Error('execve returned');
}

/** Kernels before 5.19 ask for CAP_BPF at every bpf() where unprivileged BPF is off (kernel/bpf/syscall.c). */
function keptCapabilities(config: Config, opened: OpenedPrograms): string[] {
  const kept = config.privileges.keep.map((name) => `CAP_${name}`);
  return opened.kind === 'ebpf' && !canReadUnprivileged(opened.programs) ? [...kept, 'CAP_BPF'] : kept;
}

function canReadUnprivileged(programs: LoadedPrograms): boolean {
  const counters = mapOf(programs, 'counters');
  try {
    withoutEffective(() => readCounters(counters, programs.possibleCpus, COUNTER_LAYOUT));
    return true;
  } catch {
    return false;
  }
}

function takeHandover(env: NodeJS.ProcessEnv): Handover | null {
  const text = env[VARIABLE];
  delete env[VARIABLE];
  if (text === undefined) return null;
  const handover = JSON.parse(text) as Handover;
  return handover.pid === process.pid ? handover : null;
}

function fromHandover({ reason, programs, privilegedSeconds, kept, confinement }: Handover): PrivilegedStart {
  if (kept.length > 0) raisePermitted();
  const opened: OpenedPrograms =
    programs === null ? { kind: 'procfs', reason } : { kind: 'ebpf', reason, programs: takeOver(programs) };
  return { opened, privilegedSeconds, kept, confinement };
}
