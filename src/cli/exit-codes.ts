// Exit codes of the command line; documented in `--help`, stable.
import { CognitodError } from '../lib/errors.ts';

export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  notReady: 3,
  unreachable: 4,
  refused: 5,
  notFound: 6,
} as const;

export const EXIT_CODES: Readonly<Record<number, string>> = {
  [EXIT.ok]: 'done, or nobody reads the output any more',
  [EXIT.failed]: 'failed (the message says why), or a line of the input was wrong (cgroup)',
  [EXIT.usage]: 'the command line or the configuration is wrong',
  [EXIT.notReady]: 'status: the agent runs but does not see the whole node',
  [EXIT.unreachable]:
    'no agent answers there, or it went away (stream), or it is none that this client knows',
  [EXIT.refused]: 'the agent refused: wrong or missing token',
  [EXIT.notFound]: 'there is no such process, pod, workload or container',
};

export function exitCodeOf(error: unknown): number {
  if (!(error instanceof CognitodError)) return EXIT.failed;
  switch (error.code) {
    case 'USAGE':
    case 'CONFIG_INVALID':
    case 'CONFIG_UNREADABLE':
      return EXIT.usage;
    case 'API_UNREACHABLE':
      return EXIT.unreachable;
    case 'API_REFUSED':
      return EXIT.refused;
    case 'NOT_FOUND':
      return EXIT.notFound;
    default:
      return EXIT.failed;
  }
}
