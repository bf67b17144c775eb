// Contents of /proc/PID/cgroup: which of their lines counts.
import { type CgroupReading, NOTHING, readCgroupPath, tagsOf } from './cgroup-path.ts';
import type { CgroupRoots } from './cgroup-roots.ts';
import type { CgroupIdentity } from './identity.ts';

const DELETED = ' (deleted)';

/** More than any kernel prints (one line per hierarchy): what follows is not read. */
const MAX_LINES = 256;

/** `hierarchy:controllers:` before the path of a /proc/PID/cgroup line. */
const LINE_HEADER = /^([0-9]{1,10}):[^:/]*:/;

/** What a person is told of a cgroup path. */
export interface CgroupAnswer extends CgroupIdentity {
  /** Container and pod are only claimed: the agent would not believe them there. Absent where they are believed. */
  readonly claimed?: true;
}

/**
 * What the content of a /proc/PID/cgroup says, as raw text: one line per hierarchy, of v1, hybrid or v2; a bare path will
 * do as well. Never throws; the work is bounded however long the input is.
 *
 * Of several lines the one that says the most counts, what is believed before what is claimed: container and pod, else
 * container, else pod, else unit. Between equals a line that also tells the runtime or the QoS class, then the line of v2
 * (`0::`), then the first.
 */
export function readCgroupFile(input: string, roots?: CgroupRoots): CgroupReading {
  let best: CgroupReading | null = null;
  let bestIsV2 = false;
  let lines = 0;
  for (let start = 0; start < input.length && lines < MAX_LINES; lines++) {
    const newline = input.indexOf('\n', start);
    const end = newline < 0 ? input.length : newline;
    const line = input.slice(start, end);
    start = end + 1;
    if (line === '') continue;

    const header = LINE_HEADER.exec(line);
    // Something like a header that is none (`name=systemd:/…`): not a line of this file.
    if (header === null && line[line.indexOf('/') - 1] === ':') continue;
    const path = header === null ? line : line.slice(header[0].length);
    const reading = readCgroupPath(path.endsWith(DELETED) ? path.slice(0, -DELETED.length) : path, roots);
    const isV2 = header?.[1] === '0';
    if (best === null || reading.rank > best.rank || (reading.rank === best.rank && isV2 && !bestIsV2)) {
      best = reading;
      bestIsV2 = isV2;
    }
  }
  return best ?? NOTHING;
}

/**
 * The same for people and for text of any origin: blanks around lines do no harm, and of a node that is a container itself
 * (kind, minikube) the pod inside is told, as claimed.
 */
export function parseCgroup(text: string): CgroupAnswer {
  const lines = text.split('\n', MAX_LINES + 1).map((line) => line.trim());
  const { identity, byName } = readCgroupFile(rawOf(lines.join('\n')));
  return answerOf(identity, byName);
}

/** The same for one path as it is. */
export function parseCgroupPath(path: string): CgroupAnswer {
  const { identity, byName } = readCgroupPath(rawOf(path));
  return answerOf(identity, byName);
}

const rawOf = (text: string) => Buffer.from(text, 'utf8').toString('latin1');

function answerOf(identity: CgroupIdentity, byName: boolean): CgroupAnswer {
  const { claim } = identity;
  const isNode = identity.containerId !== null && !byName && identity.podUid === null;
  if (!isNode || claim == null || claim.podUid === null)
    return byName ? { ...identity, claimed: true } : identity;
  const { podUid, containerId, runtime, qos } = claim;
  return {
    ...identity,
    podUid,
    containerId,
    runtime,
    qos,
    tags: tagsOf(podUid, containerId, qos),
    claimed: true,
  };
}
