// Reads the YAML file of the configuration, whatever that file is, and remembers where its keys stand.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Node, Pair } from 'yaml';
import { CognitodError } from '../errors.ts';

const MAX_FILE_BYTES = 1024 * 1024;
const MAX_ALIASES = 100;
const MAX_SHOWN = 10;

export interface ConfigFile {
  /** The keys as they stand in the file. Sections without content are left out. */
  readonly tree: Record<string, unknown>;
  /** `file:line` of each key, by its dotted path. */
  readonly places: ReadonlyMap<string, string>;
}

/** Throws CONFIG_UNREADABLE for a file that cannot be read or is not one mapping of keys in YAML. */
export function readConfigFile(file: string): ConfigFile {
  const text = readText(file);
  // Loaded only when there is a file: most starts have none. Not with `await`, so that callers need not wait.
  const { parseDocument, LineCounter, isMap, isScalar } = createRequire(import.meta.url)(
    'yaml',
  ) as typeof import('yaml');
  const lines = new LineCounter();
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: `${file}:${line}`, column: `${file}:${line}:${col}` };
  };
  // Repeated keys are found below: the library compares each key with each other.
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: false, prettyErrors: false });
  const problems = [...document.errors, ...document.warnings].map(
    ({ pos, message }) => `${place(pos[0]).column}: ${message}`,
  );
  const places = new Map<string, string>();
  const visit = (items: Pair[], prefix: string) => {
    for (const { key, value } of items) {
      if (!isScalar(key)) continue;
      const path = prefix + String(key.value);
      const start = place((key as Node).range![0]);
      const first = places.get(path);
      if (first === undefined) places.set(path, start.line);
      else problems.push(`${start.column}: the key ${shorten(path)} is given again, first at ${first}`);
      if (isMap(value)) visit(value.items as Pair[], `${path}.`);
    }
  };
  const { contents } = document;
  if (isMap(contents)) visit(contents.items as Pair[], '');
  else if (contents !== null && !(isScalar(contents) && contents.value === null)) {
    problems.push(`${file}: it must be a mapping of keys`);
  }
  if (problems.length > 0) throw unreadable(file, `it is no valid YAML:${listProblems(problems, MAX_SHOWN)}`);
  let tree: unknown;
  try {
    tree = document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (cause) {
    throw unreadable(file, (cause as Error).message, cause);
  }
  const entries = Object.entries((tree as Record<string, unknown> | null) ?? {});
  return { tree: Object.fromEntries(entries.filter(([, value]) => value !== null)), places };
}

/** A file may be a device or a pipe, so its size is what could be read. */
function readText(file: string): string {
  const buffer = Buffer.alloc(MAX_FILE_BYTES + 1);
  let length = 0;
  try {
    const fd = openSync(file, 'r');
    try {
      if (fstatSync(fd).isDirectory()) throw new Error('it is a directory');
      for (let read = -1; read !== 0 && length < buffer.length; length += read) {
        read = readSync(fd, buffer, length, buffer.length - length, null);
      }
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    throw unreadable(file, (cause as Error).message, cause);
  }
  if (length > MAX_FILE_BYTES) throw unreadable(file, `it has more than ${MAX_FILE_BYTES} bytes`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, length));
  } catch (cause) {
    throw unreadable(file, 'it is no UTF-8 text', cause);
  }
}

function unreadable(file: string, reason: string, cause?: unknown): CognitodError {
  return new CognitodError('CONFIG_UNREADABLE', `the configuration file ${file} cannot be read: ${reason}`, {
    hint: '--config or COGNITOD_CONFIG names the file; without one the defaults hold',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Each problem on a line of its own, the first ones only. */
export function listProblems(problems: readonly string[], most: number): string {
  const shown = problems.slice(0, most);
  if (problems.length > most) shown.push(`and ${problems.length - most} more`);
  return shown.map((problem) => `\n  ${problem}`).join('');
}

/** A name from outside, short enough to be shown. */
export const shorten = (name: string): string => (name.length > 80 ? `${name.slice(0, 80)}…` : name);
