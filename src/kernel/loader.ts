// Loads and attaches the kernel programs; what it returns is only file descriptors, which is all that readers need.
import { readFileSync } from 'node:fs';
import koffi from 'koffi';
import { CognitodError } from '../lib/errors.ts';
import { readPrivileges } from '../lib/privileges.ts';
import { BTF_MAGIC, type ObjectTypes, readObjectTypes } from './btf.ts';
import { missingToLoad } from './needed.ts';
import { type KernelFeatures, readKernelFeatures } from './features.ts';
import { boottimeNs, releaseFreedMemory, withSignalsBlocked } from '../os/index.ts';
import { loadLibbpf, OPEN_OPTS_BYTES } from './libbpf.ts';
import { errnoName, lastErrno, type Pointer } from '../os/index.ts';
import type { AttachedProgram, LoadedObject, LoadedPrograms, MissingObject } from './loaded-programs.ts';
import { type Build, OBJECTS, type ObjectSpec } from './objects.ts';
import { readProgramFacts } from './program-info.ts';
import { withUserReads } from './user-reads.ts';

export type HookStyle = 'tp_btf' | 'raw_tp';
export interface LoadOptions {
  readonly hooks: HookStyle;
  /** Power of two, at least a page. */
  readonly ringBytes: number;
  readonly argvBytes: number;
  /** BTF file for kernels without their own; null to use /sys/kernel/btf/vmlinux. */
  readonly btfPath: string | null;
  /** For tests: as if the kernel were like this. */
  readonly features?: Partial<KernelFeatures>;
  /** For tests: other objects than OBJECTS. */
  readonly objects?: readonly ObjectSpec[];
  /** For tests of what is skipped: attaches no more than so many copies of a program. */
  readonly copies?: number;
  /** For tests: as on a kernel that lets no program read its memory by the usual helpers. */
  readonly withoutKernelReads?: boolean;
  /** Called with each object's types before it is loaded; throws when they are not what the decoder expects. */
  readonly checkTypes: (object: string, types: ObjectTypes) => void;
}

/** A committed object file, by its name without `.bpf.o`. */
export function readObjectFile(name: string): Uint8Array {
  return readFileSync(new URL(`generated/${name}.bpf.o`, import.meta.url));
}

/** The programs in the order in which they are attached: each followed by its copies (EACH_COPY of bpf/turns.h). */
function programNames(
  object: OpenedObject,
  names: readonly string[],
  copies = Number.POSITIVE_INFINITY,
): string[] {
  return names.flatMap((name) => {
    const each = [name];
    for (let next = `${name}_2`; each.length < copies; next = `${name}_${each.length + 1}`) {
      if (loadLibbpf().findProgram(object.pointer, next) === null) break;
      each.push(next);
    }
    return each;
  });
}

/**
 * A map that forgets the entry unused for longest keeps free entries apart for each CPU, and takes used ones when those
 * of all CPUs together are more than there are (LOCAL_FREE_TARGET in kernel/bpf/bpf_lru_list.c).
 */
const LRU_ENTRIES = 4096;
const LRU_PER_CPU = 256;
const VERIFIER_LOG_BYTES = 256 * 1024;

/**
 * Loads and attaches. Throws NOT_PRIVILEGED, BPF_UNAVAILABLE or BTF_MISSING with what to do about it; nothing
 * stays attached then.
 */
export function loadPrograms(options: LoadOptions): LoadedPrograms {
  if (options.btfPath !== null) checkBtfFile(options.btfPath);
  if (options.withoutKernelReads === true) return loadHeld(options, false);
  try {
    return loadHeld(options, true);
  } catch (error) {
    if (!(error instanceof KernelReadsForbidden)) throw error;
  }
  if (options.hooks === 'raw_tp') throw lockedDown('BPF programs without BTF may not read its memory');
  try {
    return loadHeld(options, false);
  } catch (error) {
    if (error instanceof KernelReadsForbidden) throw lockedDown('programs may not read memory at all');
    throw error;
  }
}

function loadHeld(options: LoadOptions, readsKernel: boolean): LoadedPrograms {
  const held = new Held();
  try {
    const load = () => loadAndAttach(options, readsKernel, held);
    const loaded = readsKernel || options.hooks === 'raw_tp' ? load() : withUserReads(load);
    releaseFreedMemory();
    return loaded;
  } catch (error) {
    held.close();
    throw error;
  }
}

/** Lockdown of the level "confidentiality" takes the helpers away that read kernel memory (security/lockdown). */
class KernelReadsForbidden extends Error {}

const lockedDown = (why: string) =>
  new CognitodError('BPF_UNAVAILABLE', `the kernel is locked down to confidentiality: ${why}`, {
    hint: 'use kernel.hooks: tp_btf (docs/limits.md says what is then missing), or boot with lockdown=integrity',
  });

function checkBtfFile(path: string): void {
  let reason: string;
  try {
    const file = readFileSync(path);
    if (file.length > 2 && file.readUInt16LE(0) === BTF_MAGIC) return;
    reason = 'it is not a BTF file';
  } catch (cause) {
    reason = (cause as Error).message;
  }
  throw new CognitodError('BTF_MISSING', `the BTF file ${path} cannot be used: ${reason}`, {
    hint: 'kernel.btf must name the raw BTF of exactly this kernel',
  });
}

/** What libbpf gave us and must get back. */
class Held {
  readonly links: Pointer[] = [];
  readonly objects: Pointer[] = [];

  /** Holds what another held from now on. */
  take(other: Held): void {
    this.links.push(...other.links.splice(0));
    this.objects.push(...other.objects.splice(0));
  }

  detach(): void {
    for (const link of this.links.splice(0)) loadLibbpf().destroyLink(link);
  }

  close(): void {
    this.detach();
    for (const object of this.objects.splice(0)) loadLibbpf().closeObject(object);
  }
}

/** What is loaded so far, and how. */
interface Loading {
  readonly options: LoadOptions;
  readonly readsKernel: boolean;
  readonly features: KernelFeatures;
  readonly possibleCpus: number;
  readonly held: Held;
  /** Maps of the objects so far, those that a later one shares, by their names. */
  readonly shared: Map<string, number>;
}

function loadAndAttach(options: LoadOptions, readsKernel: boolean, held: Held): LoadedPrograms {
  const features = { ...featuresOf(options.btfPath), ...options.features };
  const possibleCpus = loadLibbpf().possibleCpus();
  const loading: Loading = { options, readsKernel, features, possibleCpus, held, shared: new Map() };
  const objects: LoadedObject[] = [];
  const missing: MissingObject[] = [];
  let attachedNs = 0n;
  for (const spec of options.objects ?? OBJECTS) {
    const loaded = loadOrMiss(spec, loading);
    if ('without' in loaded) missing.push(loaded);
    else objects.push(loaded);
    if (spec.without === null) attachedNs = boottimeNs();
  }
  return {
    ...{ objects, missing, attachedNs, possibleCpus, readsKernel },
    ringBytes: options.ringBytes,
    preemptible: features.tracepointsPreemptible,
    detach: () => held.detach(),
    close: () => held.close(),
  };
}

/** An object that the agent can do without degrades alone; what it may have attached before it failed is taken back. */
function loadOrMiss(spec: ObjectSpec, loading: Loading): LoadedObject | MissingObject {
  const { name, without } = spec;
  const build = buildFor(spec, loading);
  if (without === null) return loadObject(spec, build!, loading, loading.held);
  if (build === undefined) return { name, without, reason: null };
  const own = new Held();
  try {
    const loaded = loadObject(spec, build, loading, own);
    loading.held.take(own);
    return loaded;
  } catch (error) {
    own.close();
    // Forbidden reads are tried again without, for all objects alike.
    const isRefused = error instanceof CognitodError && error.code !== 'LAYOUT_MISMATCH';
    if (!isRefused && !(error instanceof KernelReadsForbidden && !loading.readsKernel)) throw error;
    return { name, without, reason: error.message.split('\n')[0]! };
  }
}

/** The build for this kernel and these hooks; undefined when there is none. */
function buildFor({ builds }: ObjectSpec, { options, features }: Loading): Build | undefined {
  const onTracepoints = builds.length > 1;
  const raw = options.hooks === 'raw_tp' ? '-raw' : '';
  const preemptible = features.tracepointsPreemptible && onTracepoints ? '-preemptible' : '';
  return builds.find(({ suffix }) => suffix === `${raw}${preemptible}`);
}

function loadObject(spec: ObjectSpec, build: Build, loading: Loading, held: Held): LoadedObject {
  const lib = loadLibbpf();
  const { options, shared } = loading;
  const object = openObject(`${spec.name}${build.suffix}`, options, held);
  for (const [name, value] of Object.entries(variablesFor(loading))) object.setVariable(name, value);
  for (const [name, entries] of Object.entries(entriesFor(loading))) {
    const map = object.findMap(name);
    if (map !== null) lib.setMaxEntries(map, entries);
  }
  for (const name of spec.shares) {
    const result = lib.reuseMap(object.map(name), shared.get(name) ?? -1);
    if (result < 0) throw loadError(object.name, -result, '');
  }
  const names = programNames(object, spec.programs, options.copies);
  // libbpf does so by itself only where the section's handler is its own (user-reads.ts).
  for (const name of names) object.setTarget(name);
  object.load();
  for (const name of (options.objects ?? OBJECTS).flatMap(({ shares }) => shares)) {
    const map = object.findMap(name);
    if (map !== null && !shared.has(name)) shared.set(name, lib.mapFd(map));
  }
  return {
    name: spec.name,
    programs: names.map((name) => attach(object, name, held)),
    maps: Object.fromEntries(spec.read.map((name) => [name, lib.mapFd(object.map(name))])),
  };
}

/** `const volatile` variables of the programs; each object has some of them. */
const variablesFor = ({ options, readsKernel, features }: Loading): Record<string, number> => ({
  argv_bytes: options.argvBytes,
  may_read_kernel: Number(readsKernel),
  exit_tells_group_dead: Number(features.exitTellsGroupDead),
});

/** Sizes of maps that follow from the machine or the configuration. */
function entriesFor({ options, features, possibleCpus }: Loading): Record<string, number> {
  const lruEntries = LRU_ENTRIES + possibleCpus * LRU_PER_CPU;
  return {
    ring: options.ringBytes,
    exec_scratches: possibleCpus,
    exited: features.exitTellsGroupDead ? 1 : lruEntries,
    turns: lruEntries,
  };
}

function featuresOf(btfPath: string | null): KernelFeatures {
  try {
    return readKernelFeatures(btfPath);
  } catch (cause) {
    throw new CognitodError('BTF_MISSING', `the kernel's BTF cannot be read: ${(cause as Error).message}`, {
      hint: 'give a BTF file for this kernel as kernel.btf, or use collector: procfs',
      cause,
    });
  }
}

interface OpenedObject {
  readonly name: string;
  readonly pointer: Pointer;
  /** Null when it has none of that name. */
  findMap(name: string): Pointer | null;
  map(name: string): Pointer;
  /** Sets a `const volatile` variable before the load, where the object has it. */
  setVariable(name: string, value: number): void;
  /** Looks the hook of a `tp_btf/…` program up in the kernel's BTF; of others libbpf itself does. */
  setTarget(programName: string): void;
  load(): void;
}

function openObject(name: string, options: LoadOptions, held: Held): OpenedObject {
  const lib = loadLibbpf();
  const file = readObjectFile(name);
  const types = readObjectTypes(file);
  options.checkTypes(name, types);
  const log = Buffer.alloc(VERIFIER_LOG_BYTES);
  const pointer = lib.openObject(file, file.byteLength, {
    sz: OPEN_OPTS_BYTES,
    object_name: 'cognitod',
    btf_custom_path: options.btfPath,
    kernel_log_buf: log,
    kernel_log_size: log.byteLength,
  });
  if (pointer === null) throw loadError(name, lastErrno(), '');
  held.objects.push(pointer);

  const findMap = (mapName: string) => lib.findMap(pointer, mapName);
  const map = (mapName: string): Pointer => {
    const found = findMap(mapName);
    if (found === null) throw new CognitodError('LAYOUT_MISMATCH', `object ${name} has no map ${mapName}`);
    return found;
  };
  return {
    name,
    pointer,
    findMap,
    map,
    setVariable(variableName, value) {
      const variable = types.variable('.rodata', variableName);
      if (variable === undefined) return;
      const size: [number | null] = [null];
      const rodata = lib.initialValue(map('.rodata'), size);
      if (rodata === null) {
        throw new CognitodError('LAYOUT_MISMATCH', `object ${name} has no variable ${variableName}`);
      }
      const view = new DataView(koffi.view(rodata, Number(size[0])));
      if (variable.sizeBytes === 1) view.setUint8(variable.offsetBytes, value);
      else view.setUint32(variable.offsetBytes, value, true);
    },
    setTarget(programName) {
      const program = programOf(name, pointer, programName);
      const section = lib.programSection(program);
      if (!section.startsWith(BTF_HOOK)) return;
      const result = lib.setAttachTarget(program, 0, section.slice(BTF_HOOK.length));
      if (result < 0) throw loadError(name, -result, '');
    },
    load() {
      const result = withSignalsBlocked(() => lib.loadObject(pointer));
      if (result < 0) throw loadError(name, -result, log.toString('utf8', 0, Math.max(0, log.indexOf(0))));
    },
  };
}

/** Of a section's name, before that of the tracepoint. */
const BTF_HOOK = 'tp_btf/';

function programOf(name: string, object: Pointer, programName: string): Pointer {
  const program = loadLibbpf().findProgram(object, programName);
  if (program === null)
    throw new CognitodError('LAYOUT_MISMATCH', `object ${name} has no program ${programName}`);
  return program;
}

function attach(object: OpenedObject, programName: string, held: Held): AttachedProgram {
  const lib = loadLibbpf();
  const program = programOf(object.name, object.pointer, programName);
  const hook = lib.programSection(program);
  const link = hook.startsWith(BTF_HOOK) ? lib.attachTrace(program) : lib.attach(program);
  if (link === null) {
    const errno = lastErrno();
    throw new CognitodError('BPF_UNAVAILABLE', `the kernel refuses to attach ${hook}: ${errnoName(errno)}`, {
      hint: 'see docs/limits.md for the kernels that work, or use collector: procfs',
    });
  }
  held.links.push(link);
  const programFd = lib.programFd(program);
  const facts = readProgramFacts(object.name, hook, programFd);
  return { facts, linkFd: lib.linkFd(link), programFd };
}

function notPrivileged(errno: string): CognitodError {
  const missing = missingToLoad();
  if (missing.length > 0) {
    const verb = missing.length > 1 ? 'are' : 'is';
    return new CognitodError(
      'NOT_PRIVILEGED',
      `the kernel refuses to load BPF programs (${errno}): ${missing.join(' and ')} ${verb} missing`,
      { hint: 'run as root or with CAP_BPF and CAP_PERFMON, or use collector: procfs' },
    );
  }
  const reasons = [
    ...(readPrivileges('/proc', 'self').seccomp === 'filter' ? ['the seccomp filter of this process'] : []),
    'a security module or lockdown',
    ...lockedMemory(),
  ];
  return new CognitodError(
    'NOT_PRIVILEGED',
    `the kernel refuses to load BPF programs (${errno}) although the capabilities are there: ${reasons.join(', or ')} forbids it`,
    { hint: 'allow the system call bpf (docs/limits.md), or use collector: procfs' },
  );
}

/** A limit that may be the reason: kernels before 5.11 charge maps to it. */
function lockedMemory(): string[] {
  const [, limit] = /^Max locked memory +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  if (limit === undefined) return [];
  const size = `${Math.round(Number(limit) / 1024)} KiB`;
  return [
    `before Linux 5.11 the limit of locked memory, here ${size} (ulimit -l, LimitMEMLOCK, or CAP_SYS_RESOURCE)`,
  ];
}

function loadError(object: string, errno: number, verifierLog: string): Error {
  const name = errnoName(errno);
  // Under lockdown libbpf's own probe finds the newer helper missing and puts the oldest in its place.
  if (/(?:unknown func|cannot use helper) bpf_probe_read/.test(verifierLog))
    return new KernelReadsForbidden();
  if (name === 'EPERM' || name === 'EACCES') {
    // A verifier's refusal is also EACCES, but comes with a log.
    const refusedByVerifier = name === 'EACCES' && verifierLog.length > 0;
    if (!refusedByVerifier) return notPrivileged(name);
  }
  const lastLines = verifierLog.trim().split('\n').slice(-5).join('\n');
  return new CognitodError(
    'BPF_UNAVAILABLE',
    `the kernel does not accept object ${object}: ${name}${lastLines === '' ? '' : `\n${lastLines}`}`,
    { hint: 'docs/limits.md lists the kernels that work; use collector: procfs on others' },
  );
}
