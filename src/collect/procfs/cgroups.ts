// Gives ids to cgroups that are known by the content of /proc/PID/cgroup only, and names each once.
import { hash } from 'node:crypto';
import type { CgroupRecord } from '../../decode/index.ts';

/** Above what a kernel numbers its cgroups with, so that our ids and the kernel's never meet. */
const FIRST_OWN_CGROUP_ID = 2 ** 52;
/** 52 bits: with the above a safe integer. Two of a million cgroups meet with a chance of 1 to 9000. */
const ID_HEX_DIGITS = 13;
const MAX_KNOWN = 4096;

/**
 * The id is made from the content, so it is the same in every collector and after every restart, and a record may be
 * sent again at any time.
 */
export class ProcCgroups {
  readonly #ids = new Map<string, number>();
  readonly #maxKnown: number;

  constructor(maxKnown = MAX_KNOWN) {
    this.#maxKnown = maxKnown;
  }

  /** Delivers the record of a cgroup that was not delivered before. `content` null: 0, unknown. */
  idOf(content: string | null, ktimeNs: bigint, deliver: (record: CgroupRecord) => void): number {
    if (content === null || content === '') return 0;
    const known = this.#ids.get(content);
    if (known !== undefined) return known;
    const cgroupId = FIRST_OWN_CGROUP_ID + Number.parseInt(hash('sha1', content).slice(0, ID_HEX_DIGITS), 16);
    // Those forgotten are named again when they come back.
    if (this.#ids.size >= this.#maxKnown) this.#ids.clear();
    this.#ids.set(content, cgroupId);
    deliver({
      type: 'cgroup',
      source: 'procfs',
      ktimeNs,
      hierarchyId: 0,
      cgroupId,
      path: content,
      removed: false,
      truncated: false,
      parentId: null,
    });
    return cgroupId;
  }
}
