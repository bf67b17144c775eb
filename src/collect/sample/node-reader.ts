// The node as a whole, from procfs: CPU, memory, load, disks, network, pressure. Read when somebody asks.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Averages over the last ten seconds, in percent of the time (Documentation/accounting/psi.rst). */
export interface Pressure {
  readonly some: number;
  readonly full: number;
}

export interface NodeReading {
  /** Of all cores together, 0 to 100, since the reading before, which is at least a second old; since the boot in the first. */
  readonly cpuPercent: number;
  readonly memoryTotalBytes: number;
  /** Total less MemAvailable. */
  readonly memoryUsedBytes: number;
  readonly loadAverage: readonly [number, number, number];
  /** Of whole disks, since the boot. */
  readonly diskReadBytes: number;
  readonly diskWriteBytes: number;
  /** Of all interfaces of the reader's network namespace but loopback, since their creation. */
  readonly netReceivedBytes: number;
  readonly netSentBytes: number;
  /** Null on a kernel without PSI. */
  readonly pressure: Readonly<Record<'cpu' | 'memory' | 'io', Pressure | null>>;
}

/** include/linux/blk_types.h: sectors of /proc/diskstats are always of this size. */
const SECTOR_BYTES = 512;
/** Partitions, and what is made of other disks or of memory. */
const NO_WHOLE_DISK =
  /^(?:loop|ram|dm-|md|zram|sr)\d|^(?:[hsv]d[a-z]+|xvd[a-z]+)\d+$|^(?:nvme\d+n\d+|mmcblk\d+)p\d+$/;

interface CpuTicks {
  readonly busy: number;
  readonly total: number;
}

export interface NodeReaderOptions {
  readonly procRoot: string;
  /** Monotonic. */
  readonly nowMs: () => number;
  /** Younger readings are answered again. */
  readonly minAgeMs?: number;
}

const MIN_AGE_MS = 1000;

/** What cannot be read counts as zero: a node without the file has nothing to tell of it. */
export class NodeReader {
  readonly #procRoot: string;
  readonly #nowMs: () => number;
  readonly #minAgeMs: number;
  #cpu: CpuTicks = { busy: 0, total: 0 };
  #last: { readonly reading: NodeReading; readonly atMs: number } | null = null;

  constructor({ procRoot, nowMs, minAgeMs = MIN_AGE_MS }: NodeReaderOptions) {
    this.#procRoot = procRoot;
    this.#nowMs = nowMs;
    this.#minAgeMs = minAgeMs;
  }

  read(): NodeReading {
    const atMs = this.#nowMs();
    if (this.#last === null || atMs - this.#last.atMs >= this.#minAgeMs)
      this.#last = { reading: this.#read(), atMs };
    return this.#last.reading;
  }

  #read(): NodeReading {
    const memory = this.#meminfo();
    return {
      cpuPercent: this.#cpuPercent(),
      memoryTotalBytes: memory.total,
      memoryUsedBytes: Math.max(0, memory.total - memory.available),
      loadAverage: this.#loadAverage(),
      ...this.#disks(),
      ...this.#network(),
      pressure: { cpu: this.#pressure('cpu'), memory: this.#pressure('memory'), io: this.#pressure('io') },
    };
  }

  #text(name: string): string {
    try {
      return readFileSync(join(this.#procRoot, name), 'latin1');
    } catch {
      return '';
    }
  }

  #numbers(line: string): number[] {
    return line.split(/\s+/).map(Number).filter(Number.isFinite);
  }

  #cpuPercent(): number {
    const line = /^cpu\s.*$/m.exec(this.#text('stat'))?.[0] ?? '';
    // user nice system idle iowait irq softirq steal; guest times are within user and nice.
    const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] =
      this.#numbers(line);
    const busy = user + nice + system + irq + softirq + steal;
    const now = { busy, total: busy + idle + iowait };
    const before = this.#cpu;
    this.#cpu = now;
    const total = now.total - before.total;
    return total <= 0 ? 0 : Math.min(100, Math.max(0, (100 * (now.busy - before.busy)) / total));
  }

  #meminfo(): { total: number; available: number } {
    const text = this.#text('meminfo');
    const bytes = (name: string) =>
      1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0);
    return { total: bytes('MemTotal'), available: bytes('MemAvailable') };
  }

  #loadAverage(): [number, number, number] {
    const [one = 0, five = 0, fifteen = 0] = this.#text('loadavg').split(' ', 3).map(Number);
    return [one, five, fifteen].map((value) => (Number.isFinite(value) ? value : 0)) as [
      number,
      number,
      number,
    ];
  }

  #disks(): Pick<NodeReading, 'diskReadBytes' | 'diskWriteBytes'> {
    let [diskReadBytes, diskWriteBytes] = [0, 0];
    for (const line of this.#text('diskstats').split('\n')) {
      const [, , name, , , sectorsRead, , , , sectorsWritten] = line.trim().split(/\s+/);
      if (name === undefined || NO_WHOLE_DISK.test(name)) continue;
      diskReadBytes += SECTOR_BYTES * (Number(sectorsRead) || 0);
      diskWriteBytes += SECTOR_BYTES * (Number(sectorsWritten) || 0);
    }
    return { diskReadBytes, diskWriteBytes };
  }

  #network(): Pick<NodeReading, 'netReceivedBytes' | 'netSentBytes'> {
    let [netReceivedBytes, netSentBytes] = [0, 0];
    for (const line of this.#text('net/dev').split('\n')) {
      const [name, counts] = line.split(':');
      if (counts === undefined || name!.trim() === 'lo') continue;
      const numbers = this.#numbers(counts.trim());
      netReceivedBytes += numbers[0] ?? 0;
      netSentBytes += numbers[8] ?? 0;
    }
    return { netReceivedBytes, netSentBytes };
  }

  #pressure(what: 'cpu' | 'memory' | 'io'): Pressure | null {
    const text = this.#text(`pressure/${what}`);
    const avg10 = (kind: string) => Number(new RegExp(`^${kind} avg10=([\\d.]+)`, 'm').exec(text)?.[1]);
    const some = avg10('some');
    if (!Number.isFinite(some)) return null;
    const full = avg10('full');
    return { some, full: Number.isFinite(full) ? full : 0 };
  }
}
