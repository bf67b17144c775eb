// Options and arguments with a value, and where the values to complete come from.
import { Argument, Option } from 'commander';

/** Values that the program does not know by itself. */
export type Source =
  | 'pods'
  | 'namespaces'
  | 'workloads'
  | 'containers'
  | 'pids'
  | 'comms'
  /** Pods, workloads and containers. */
  | 'places'
  /** The same, and processes. */
  | 'places and pids'
  | 'files'
  | 'pids and files'
  /** The commands of the program. */
  | 'commands'
  | 'nothing';

const sources = new WeakMap<Option | Argument, Source | readonly string[]>();

/** `source`: values to choose from, or where they are asked for. */
export function option(
  flags: string,
  description: string,
  source: Source | readonly string[] = 'nothing',
): Option {
  const made = new Option(flags, description);
  sources.set(made, source);
  return made;
}

export function argument(name: string, description: string, source: Source | readonly string[]): Argument {
  const made = new Argument(name, description);
  sources.set(made, source);
  return made;
}

/** Where the values of an option or argument come from; undefined when nobody has decided. */
export const sourceOf = (of: Option | Argument): Source | readonly string[] | undefined =>
  of.argChoices ?? sources.get(of);
