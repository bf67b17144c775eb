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

export const EXIT_CODES_HELP = `Exit codes:
  0  done
  1  failed (the message says why), or a line of the input was wrong (cgroup)
  2  the command line or the configuration is wrong
  3  status: the agent runs but does not see the whole node
  4  the agent does not answer
  5  the agent refused: wrong or missing token
  6  there is no such process`;

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
