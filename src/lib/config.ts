// Reads the configuration: defaults, then the YAML file, then the environment, then flags.
import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { distance } from 'fastest-levenshtein';
import { CONFIG_KEYS, type Config, configSchema } from './config-schema.ts';
import { CognitodError } from './errors.ts';

const MAX_FILE_BYTES = 1024 * 1024;
/** Variables of clients and launchers, not keys. */
const OTHER_VARIABLES = ['COGNITOD_API', 'COGNITOD_TOKEN', 'COGNITOD_CONFIG'];

export interface ConfigInputs {
  readonly file?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Values of flags by dotted path. */
  readonly overrides?: Readonly<Record<string, unknown>>;
}

type Tree = { [key: string]: unknown };
type Origin = { readonly text: string };

/** Throws CONFIG_UNREADABLE or CONFIG_INVALID, with all problems in one message, each on a line. */
export function loadConfig(inputs: ConfigInputs): { config: Config } {
  const problems: string[] = [];
  const origins = new Map<string, Origin>();
  const tree = inputs.file === undefined ? {} : readFile(inputs.file, origins, problems);
  for (const [variable, value] of Object.entries(inputs.env)) {
    if (!variable.startsWith('COGNITOD_') || OTHER_VARIABLES.includes(variable) || value === undefined)
      continue;
    const key = CONFIG_KEYS.find(({ path }) => variableOf(path) === variable);
    if (key === undefined) {
      const near = nearest(variable, [
        ...CONFIG_KEYS.map(({ path }) => variableOf(path)),
        ...OTHER_VARIABLES,
      ]);
      problems.push(`the environment variable ${variable} is unknown; the nearest is ${near}`);
    } else {
      set(tree, key.path, value);
      origins.set(key.path, { text: `environment variable ${variable}` });
    }
  }
  for (const [path, value] of Object.entries(inputs.overrides ?? {})) {
    set(tree, path, value);
    origins.set(path, { text: 'command line' });
  }
  const parsed = configSchema.safeParse(tree);
  for (const issue of parsed.error?.issues ?? []) {
    const path = issue.path.join('.');
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) problems.push(unknownKey(path === '' ? key : `${path}.${key}`, origins));
    } else {
      const notMapping = issue.code === 'invalid_type' && issue.expected === 'object';
      const message = notMapping ? 'must be a mapping of keys' : issue.message;
      problems.push(`${where(path, origins)}${path} ${message}`);
    }
  }
  if (problems.length > 0 || !parsed.success) {
    throw new CognitodError('CONFIG_INVALID', `the configuration is wrong:\n  ${problems.join('\n  ')}`, {
      hint: 'docs/configuration.md lists all keys; `cognitod agent --check-config` checks without starting',
    });
  }
  return { config: parsed.data };
}

export const variableOf = (path: string): string => `COGNITOD_${path.replaceAll('.', '_').toUpperCase()}`;

function where(path: string, origins: ReadonlyMap<string, Origin>): string {
  const origin = origins.get(path);
  return origin === undefined ? '' : `${origin.text}: `;
}

function unknownKey(path: string, origins: ReadonlyMap<string, Origin>): string {
  const groups = new Set(
    CONFIG_KEYS.flatMap(({ path: key }) => (key.includes('.') ? [key.split('.')[0]!] : [])),
  );
  const near = nearest(path, [...CONFIG_KEYS.map((key) => key.path), ...groups]);
  return `${where(path, origins)}the key ${path} is unknown; the nearest is ${near}`;
}

function nearest(name: string, candidates: readonly string[]): string {
  return candidates.reduce((best, candidate) =>
    distance(name, candidate) < distance(name, best) ? candidate : best,
  );
}

function set(tree: Tree, path: string, value: unknown): void {
  const parts = path.split('.');
  const last = parts.pop()!;
  let at = tree;
  for (const part of parts) {
    const next = at[part];
    if (typeof next !== 'object' || next === null || Array.isArray(next)) at[part] = {};
    at = at[part] as Tree;
  }
  at[last] = value;
}

function readFile(file: string, origins: Map<string, Origin>, problems: string[]): Tree {
  const unreadable = (reason: string, cause?: unknown) =>
    new CognitodError('CONFIG_UNREADABLE', `the configuration file ${file} cannot be read: ${reason}`, {
      cause,
    });
  let text: string;
  try {
    const { size } = statSync(file);
    if (size > MAX_FILE_BYTES) throw new Error(`it has ${size} bytes, more than ${MAX_FILE_BYTES}`);
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw unreadable((cause as Error).message, cause);
  }
  // Loaded only when there is a file: most starts have none.
  const { parseDocument, LineCounter, isMap, isScalar } = createRequire(import.meta.url)(
    'yaml',
  ) as typeof import('yaml');
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false });
  for (const error of document.errors) {
    const { line, col } = lines.linePos(error.pos[0]);
    problems.push(`${file}:${line}:${col}: ${error.message}`);
  }
  if (problems.length > 0) throw unreadable(`it is no YAML:\n  ${problems.join('\n  ')}`);
  if (document.contents === null) return {};
  if (!isMap(document.contents)) throw unreadable('it must be a mapping of keys');
  const note = (node: unknown, prefix: string): void => {
    if (!isMap(node)) return;
    for (const { key, value } of node.items) {
      if (!isScalar(key)) continue;
      const path = prefix + String(key.value);
      origins.set(path, { text: `${file}:${lines.linePos(key.range![0]).line}` });
      note(value, `${path}.`);
    }
  };
  note(document.contents, '');
  try {
    return document.toJS({ maxAliasCount: 100 }) as Tree;
  } catch (cause) {
    throw unreadable((cause as Error).message, cause);
  }
}
