// Whether a text is in what describes a process.
import type { Identity, Metadata } from '../../identity/index.ts';
import type { ProcessView } from '../../model/index.ts';

type Described = Pick<ProcessView, 'pid' | 'uid' | 'image'> & {
  readonly identity: Pick<Identity, 'podUid' | 'containerId' | 'unit' | 'userUnit'>;
};

/** Of a command line no more is looked at: a query must cost little, whatever processes are called. */
const COMMAND_CHARS = 4096;

/** Null when the query has no text. Case does not count. */
export function textFilter(
  text: string | undefined,
): ((process: Described, metadata: Metadata | null) => boolean) | null {
  if (text === undefined) return null;
  const needle = text.toLowerCase();
  return ({ pid, uid, image, identity }, metadata) => {
    const described: readonly (string | null | undefined)[] = [
      commandLine(image.argv),
      image.executable,
      image.comm,
      String(pid),
      String(uid),
      metadata?.namespace,
      metadata?.podName,
      metadata?.workload?.name,
      metadata?.containerName,
      identity.podUid ?? metadata?.podUid,
      identity.containerId,
      identity.unit,
      identity.userUnit,
    ];
    return described.some((part) => part?.toLowerCase().includes(needle) === true);
  };
}

/** The arguments with blanks between them. */
function commandLine(argv: readonly string[] | null): string {
  let text = '';
  for (const argument of argv ?? []) {
    text += `${argument} `;
    if (text.length > COMMAND_CHARS) break;
  }
  return text.slice(0, COMMAND_CHARS);
}
