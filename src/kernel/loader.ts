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
import type { AttachedProgram, LoadedPrograms } from './loaded-programs.ts';
import { readProgramFacts } from './program-info.ts';
import { withUserReads } from './user-reads.ts';

export type HookStyle = 'tp_btf' | 'raw_tp';
export const OBJECT_NAMES = [
  'lifecycle',
  'lifecycle-raw',
  'lifecycle-preemptible',
  'lifecycle-raw-preemptible',
  'snapshot',
] as const;
export type ObjectName = (typeof OBJECT_NAMES)[number];

export interface LoadOptions {
  readonly hooks: HookStyle;
  /** Power of two, at least a page. */
  readonly ringBytes: number;
  readonly argvBytes: number;
  /** BTF file for kernels without their own; null to use /sys/kernel/btf/vmlinux. */
  readonly btfPath: string | null;
  /** For tests: as if the kernel were like this. */
  readonly features?: Partial<KernelFeatures>;
  /** For tests of what is skipped: attaches no more than so many copies of a program. */
  readonly copies?: number;
  /** For tests: as on a kernel that lets no program read its memory by the usual helpers. */
  readonly withoutKernelReads?: boolean;
  /** Called with each object's types before it is loaded; throws when they are not what the decoder expects. */
  readonly checkTypes: (object: ObjectName, types: ObjectTypes) => void;
}

/** The committed object file of a set of programs. */
export function readObjectFile(name: ObjectName): Uint8Array {
  return readFileSync(new URL(`generated/${name}.bpf.o`, import.meta.url));
}

/**
 * exit first and fork last: whoever is announced by a fork is sure to have its exit told, and its cgroups named. Copies in
 * the order of their turns (bpf/turns.h): the kernel runs the programs of a hook in the order in which they were attached.
 */
function programNames(object: Pointer, copies = Number.POSITIVE_INFINITY): string[] {
  const each = (name: string) => {
    const names = [name];
    // EACH_COPY of bpf/turns.h.
    for (let next = `${name}_2`; names.length < copies; next = `${name}_${names.length + 1}`) {
      if (loadLibbpf().findProgram(object, next) === null) break;
      names.push(next);
    }
    return names;
  };
  const cgroups = ['on_cgroup_rmdir', 'on_cgroup_attach', 'on_cgroup_mkdir'];
  return [...cgroups, ...each('sched_process_exit'), ...each('sched_process_exec'), 'sched_process_fork'];
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

  detach(): void {
    for (const link of this.links.splice(0)) loadLibbpf().destroyLink(link);
  }

  close(): void {
    this.detach();
    for (const object of this.objects.splice(0)) loadLibbpf().closeObject(object);
  }
}

function loadAndAttach(options: LoadOptions, readsKernel: boolean, held: Held): LoadedPrograms {
  const lib = loadLibbpf();
  const possibleCpus = lib.possibleCpus();
  const features = { ...featuresOf(options.btfPath), ...options.features };
  const preemptible = features.tracepointsPreemptible;
  const style = options.hooks === 'tp_btf' ? 'lifecycle' : 'lifecycle-raw';
  const lifecycle = openObject(preemptible ? `${style}-preemptible` : style, options, held);
  lifecycle.setVariable('argv_bytes', options.argvBytes);
  lifecycle.setVariable('may_read_kernel', Number(readsKernel));
  lifecycle.setVariable('exit_tells_group_dead', Number(features.exitTellsGroupDead));
  lib.setMaxEntries(lifecycle.map('exec_scratches'), possibleCpus);
  lib.setMaxEntries(lifecycle.map('ring'), options.ringBytes);
  const lruEntries = LRU_ENTRIES + possibleCpus * LRU_PER_CPU;
  lib.setMaxEntries(lifecycle.map('exited'), features.exitTellsGroupDead ? 1 : lruEntries);
  if (preemptible) lib.setMaxEntries(lifecycle.map('turns'), lruEntries);
  const names = programNames(lifecycle.pointer, options.copies);
  // libbpf does so by itself only where the section's handler is its own (user-reads.ts).
  if (options.hooks === 'tp_btf') for (const name of names) lifecycle.setTarget(name);
  lifecycle.load();
  const programs = names.map((name) => attach(lifecycle, name, held));
  const attachedNs = boottimeNs();

  // The iterator needs the kernel's own BTF whichever way the hooks are attached.
  let iterator: ReturnType<typeof attach> | undefined;
  if (options.hooks === 'tp_btf') {
    const snapshot = openObject('snapshot', options, held);
    snapshot.setVariable('may_read_kernel', Number(readsKernel));
    snapshot.load();
    iterator = attach(snapshot, 'list_tasks', held);
  }
  const all = iterator === undefined ? programs : [...programs, iterator];
  return {
    ringFd: lib.mapFd(lifecycle.map('ring')),
    ringBytes: options.ringBytes,
    countersFd: lib.mapFd(lifecycle.map('counters')),
    possibleCpus,
    programs,
    snapshotProgram: iterator ?? null,
    preemptible,
    readsKernel,
    snapshotLinkFd: iterator?.linkFd ?? null,
    linkFds: all.map(({ linkFd }) => linkFd),
    attachedNs,
    detach: () => held.detach(),
    close: () => held.close(),
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
  readonly name: ObjectName;
  readonly pointer: Pointer;
  map(name: string): Pointer;
  /** Sets a `const volatile` variable before the load. */
  setVariable(name: string, value: number): void;
  /** Looks the hook of a `tp_btf/…` program up in the kernel's BTF. */
  setTarget(programName: string): void;
  load(): void;
}

function openObject(name: ObjectName, options: LoadOptions, held: Held): OpenedObject {
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

  const map = (mapName: string): Pointer => {
    const found = lib.findMap(pointer, mapName);
    if (found === null) throw new CognitodError('LAYOUT_MISMATCH', `object ${name} has no map ${mapName}`);
    return found;
  };
  return {
    name,
    pointer,
    map,
    setVariable(variableName, value) {
      const variable = types.variable('.rodata', variableName);
      const size: [number | null] = [null];
      const rodata = lib.initialValue(map('.rodata'), size);
      if (variable === undefined || rodata === null) {
        throw new CognitodError('LAYOUT_MISMATCH', `object ${name} has no variable ${variableName}`);
      }
      const view = new DataView(koffi.view(rodata, Number(size[0])));
      if (variable.sizeBytes === 1) view.setUint8(variable.offsetBytes, value);
      else view.setUint32(variable.offsetBytes, value, true);
    },
    setTarget(programName) {
      const program = programOf(name, pointer, programName);
      const target = lib.programSection(program).slice(BTF_HOOK.length);
      const result = lib.setAttachTarget(program, 0, target);
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

function programOf(name: ObjectName, object: Pointer, programName: string): Pointer {
  const program = loadLibbpf().findProgram(object, programName);
  if (program === null)
    throw new CognitodError('LAYOUT_MISMATCH', `object ${name} has no program ${programName}`);
  return program;
}

function attach(object: OpenedObject, programName: string, held: Held): AttachedProgram & { linkFd: number } {
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
  return { facts: readProgramFacts(hook, programFd), programFd, linkFd: lib.linkFd(link) };
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

function loadError(object: ObjectName, errno: number, verifierLog: string): Error {
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
