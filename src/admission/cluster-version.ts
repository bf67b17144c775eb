// Whether the API server has native sidecars: init containers with restartPolicy Always.
import { fieldsOf, type KubeClient, parseFields, statusFailure } from '../identity/kube/index.ts';
import { pause } from '../lib/backoff.ts';

/** On by default from here on (KEP-753). */
const NATIVE_SINCE_MINOR = 29;
const RETRY_MS = 10_000;

export interface Version {
  readonly major: number;
  readonly minor: number;
}

/** e.g. of `v1.29.4-eks-036c24b`. Null for what is no version. */
export function parseVersion(text: string): Version | null {
  const parts = /^v?(\d{1,6})\.(\d{1,6})(?:[.+-]|$)/.exec(text);
  return parts === null ? null : { major: Number(parts[1]), minor: Number(parts[2]) };
}

/** Whether this version of a server or a kubelet has native sidecars. */
export const isSidecarVersion = ({ major, minor }: Version): boolean =>
  major > 1 || (major === 1 && minor >= NATIVE_SINCE_MINOR);

/** `minor` may end in a plus, as GKE and EKS have it. Null for what is no version. */
export function hasNativeSidecars(major: unknown, minor: unknown): boolean | null {
  const numbers = [major, minor].map((part) => /^(\d{1,6})\+?$/.exec(String(part))?.[1]);
  if (numbers.some((number) => number === undefined)) return null;
  const [majorNumber, minorNumber] = numbers.map(Number) as [number, number];
  return isSidecarVersion({ major: majorNumber, minor: minorNumber });
}

export interface NativeChoice {
  /** False until it is known: a plain container works everywhere. */
  native: boolean;
  known: boolean;
  /** e.g. `1.31`; null until it is known. */
  version: string | null;
}

/** Asks until there is an answer or the client is closed. Never rejects. */
export async function findNativeSidecars(
  client: KubeClient,
  choice: NativeChoice,
  warn: (text: string) => void,
  retryMs = RETRY_MS,
): Promise<void> {
  let lastReason = '';
  while (!client.signal.aborted) {
    try {
      const answer = await client.get('/version');
      if (answer.status !== 200) throw statusFailure(client.endpoint, 'get version', answer);
      const { major, minor } = fieldsOf(parseFields(answer.body));
      const native = hasNativeSidecars(major, minor);
      if (native === null) throw new Error(`${client.endpoint} tells no version`);
      Object.assign(choice, { native, known: true, version: `${major}.${minor}` });
      return;
    } catch (error) {
      if (client.signal.aborted) return;
      const { message } = error as Error;
      if (message !== lastReason)
        warn(`the version of the cluster is unknown, so sidecars are plain containers for now: ${message}`);
      lastReason = message;
      await pause(retryMs, client.signal);
    }
  }
}
