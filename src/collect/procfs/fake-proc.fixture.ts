// A folder that looks like a procfs, for tests: processes are put there, changed and taken away.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DecodedRecord, NOTHING_MASKED } from '../../decode/index.ts';
import { ProcfsCollector, type ProcfsCollectorOptions } from './collector.ts';
import { MountedProcFiles } from './proc-files.ts';

export interface FakeProcess {
  pid: number;
  /** In clock ticks. */
  start: number;
  parent: number;
  comm: string | Uint8Array;
  state: string;
  threads: number;
  /** PF_… of include/linux/sched.h. */
  flags: number;
  /** Addresses of stack, code and heap are made from it; 0: not shown. */
  image: number;
  argv: readonly string[];
  exe: string | null;
  uid: number;
  capEffective: string;
  cgroup: string | null;
  codeKib: number;
  exitStatus: number;
  userTicks: number;
}

export const PF_WQ_WORKER = 0x20;
export const PF_FORKNOEXEC = 0x40;
export const PF_KTHREAD = 0x200000;

export class FakeProc {
  readonly root = mkdtempSync(join(tmpdir(), 'fake-proc-'));
  readonly files: FakeFiles;
  readonly #watching: ProcfsCollector[] = [];
  #clockNs = 1_000_000_000_000n;

  constructor() {
    mkdirSync(join(this.root, 'sys'));
    writeFileSync(join(this.root, 'uptime'), '1 1\n');
    this.files = new FakeFiles(this.root);
    this.put({ pid: 1, start: 1, parent: 0, comm: 'init', argv: ['/sbin/init'], image: 1 });
  }

  /** Puts a process there, or changes it. Without more: an execed child of 1. */
  put(process: Partial<FakeProcess> & { pid: number }): FakeProcess {
    const whole: FakeProcess = {
      start: process.pid,
      parent: 1,
      comm: `p${process.pid}`,
      state: 'S',
      threads: 1,
      flags: 0x400000,
      image: process.pid,
      argv: [`/bin/p${process.pid}`],
      exe: `/bin/p${process.pid}`,
      uid: 1000,
      capEffective: '000001ffffffffff',
      cgroup: '0::/init.scope\n',
      codeKib: 100,
      exitStatus: 0,
      userTicks: 0,
      ...process,
    };
    const { pid } = whole;
    this.remove(pid);
    mkdirSync(join(this.root, String(pid), 'ns'), { recursive: true });
    const write = (file: string, content: string | Uint8Array) =>
      writeFileSync(join(this.root, String(pid), file), content);
    write('stat', statOf(whole));
    const name = typeof whole.comm === 'string' ? whole.comm.replaceAll('\n', '\\n') : 'raw';
    write('status', statusOf(whole, name));
    write('cmdline', whole.argv.map((argument) => `${argument}\0`).join(''));
    write('loginuid', '4294967295');
    write('sessionid', '3');
    if (whole.cgroup !== null) write('cgroup', whole.cgroup);
    if (whole.exe !== null) symlinkSync(whole.exe, join(this.root, String(pid), 'exe'));
    // Shown to those who may trace the process.
    if (whole.image !== 0) symlinkSync('pid:[4026531836]', join(this.root, String(pid), 'ns/pid'));
    return whole;
  }

  remove(pid: number): void {
    rmSync(join(this.root, String(pid)), { recursive: true, force: true });
  }

  /** Anything in place of its `stat`. */
  writeStat(pid: number, content: string | Uint8Array): void {
    mkdirSync(join(this.root, String(pid)), { recursive: true });
    writeFileSync(join(this.root, String(pid), 'stat'), content);
  }

  /** The clock goes on by itself 1 ms per look. */
  pass(seconds: number): void {
    this.#clockNs += BigInt(Math.round(seconds * 1e9));
  }

  /** A started collector that looks only when it is told to, and what it told. `look` gives what is new. */
  async watch(options: Partial<ProcfsCollectorOptions> = {}) {
    const records: DecodedRecord[] = [];
    const errors: unknown[] = [];
    const collector = new ProcfsCollector({
      procRoot: this.root,
      intervalMs: 1_000_000,
      boottimeNs: () => {
        this.#clockNs += 1_000_000n;
        return this.#clockNs;
      },
      mask: () => NOTHING_MASKED,
      onError: (error) => errors.push(error),
      files: this.files,
      ...options,
    });
    this.#watching.push(collector);
    await collector.start({ record: (record) => records.push(record), batchEnd() {} });
    const first = records.splice(0);
    const look = () => {
      collector.drain();
      return records.splice(0);
    };
    return { collector, first, look, errors };
  }

  [Symbol.dispose](): void {
    for (const collector of this.#watching) void collector.close();
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** Files that can be made to fail. */
export class FakeFiles extends MountedProcFiles {
  /** Called before a read; an answer below 0 is the outcome. */
  intercept: ((pid: number, file: string) => number | undefined) | undefined;
  listing: 'real' | 'empty' | 'fails' = 'real';

  override names(): string[] {
    if (this.listing === 'fails') throw new Error('EIO: input/output error');
    return this.listing === 'empty' ? ['sys'] : super.names();
  }

  override read(pid: number, file: string, maxBytes?: number): number {
    const outcome = this.intercept?.(pid, file);
    return outcome ?? super.read(pid, file, maxBytes);
  }
}

/** The fields of proc_pid_stat(5) by number; those not named are 0. */
function statOf(process: FakeProcess): Buffer {
  const fields: Record<number, number | string> = {
    3: process.state,
    4: process.parent,
    8: -1,
    9: process.flags,
    10: 11,
    12: 12,
    14: process.userTicks,
    20: process.threads,
    22: process.start,
    25: '18446744073709551615',
    26: process.image === 0 ? 1 : 0x400000,
    28: process.image === 0 ? 0 : 0x7ff000000000 + process.image,
    47: process.image === 0 ? 0 : 0x10000000 + process.image,
    52: process.exitStatus,
  };
  const rest = Array.from({ length: 50 }, (_, index) => fields[index + 3] ?? 0).join(' ');
  return Buffer.concat([
    Buffer.from(`${process.pid} (`),
    Buffer.from(process.comm),
    Buffer.from(`) ${rest}\n`),
  ]);
}

function statusOf(process: FakeProcess, name: string): string {
  const { uid, pid } = process;
  const lines = [
    `Name:\t${name}`,
    `State:\t${process.state}`,
    `Uid:\t${uid}\t${uid}\t${uid}\t${uid}`,
    'Gid:\t100\t100\t100\t100',
    `NSpid:\t${pid}\t7`,
  ];
  if (process.codeKib !== 0) lines.push('VmHWM:\t    2048 kB', `VmExe:\t     ${process.codeKib} kB`);
  lines.push(`CapEff:\t${process.capEffective}`);
  return `${lines.join('\n')}\n`;
}

/** `fork 5`, `exec 5`, … for comparison. */
export const briefly = (records: readonly DecodedRecord[]) =>
  records.map((record) => `${record.type} ${record.type === 'cgroup' ? record.path.trim() : record.pid}`);
