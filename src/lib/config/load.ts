// Reads the configuration: defaults, then the YAML file, then the environment, then flags.
import { distance } from 'fastest-levenshtein';
import { listProblems, readConfigFile, shorten } from './file.ts';
import { CONFIG_KEYS, type Config, configSchema } from './schema.ts';
import { CognitodError } from '../errors.ts';

const MAX_PROBLEMS = 20;
/** Variables of clients and launchers, not keys. */
const OTHER_VARIABLES = ['API', 'TOKEN', 'CA_FILE', 'CERT_FILE', 'KEY_FILE', 'CONFIG'].map(
  (name) => `COGNITOD_${name}`,
);
/** Kubernetes gives these to all pods of a namespace with a Service named cognitod or cognitod-…. */
const SERVICE_VARIABLE =
  /^COGNITOD_(?:[A-Z0-9_]+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)$/;

export interface ConfigInputs {
  readonly file?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Values of flags by dotted path. */
  readonly overrides?: Readonly<Record<string, unknown>>;
}

/** Where a value is from that is not the default. */
export interface ConfigOrigin {
  readonly source: 'file' | 'environment' | 'flag';
  /** File and line, or the variable; null for flags. */
  readonly place: string | null;
}

export interface LoadedConfig {
  readonly config: Config;
  /** By dotted path, also of groups; what is not in it has its default. */
  readonly origins: ReadonlyMap<string, ConfigOrigin>;
}

type Tree = { [key: string]: unknown };
/** Where each given key stands, by its dotted path. */
type Places = ReadonlyMap<string, string>;

/** Throws CONFIG_UNREADABLE or CONFIG_INVALID, with all problems in one message, each on a line. */
export function loadConfig(inputs: ConfigInputs): LoadedConfig {
  const problems: string[] = [];
  const file = inputs.file === undefined ? null : readConfigFile(inputs.file);
  const tree: Tree = file?.tree ?? {};
  const places = new Map(file?.places);
  const origins = new Map<string, ConfigOrigin>(
    [...places].map(([path, place]) => [path, { source: 'file', place }]),
  );
  // A group that is given by an alias has a place, its keys have none.
  for (const { path } of CONFIG_KEYS) {
    const group = origins.get(path.split('.')[0]!);
    if (group !== undefined && !origins.has(path) && has(tree, path)) origins.set(path, group);
  }
  for (const [variable, value] of Object.entries(inputs.env)) {
    if (!variable.startsWith('COGNITOD_') || OTHER_VARIABLES.includes(variable) || value === undefined)
      continue;
    const key = CONFIG_KEYS.find(({ path }) => variableOf(path) === variable);
    if (key !== undefined) {
      set(tree, key.path, value);
      places.set(key.path, `environment variable ${variable}`);
      origins.set(key.path, { source: 'environment', place: variable });
    } else if (!SERVICE_VARIABLE.test(variable)) {
      const known = [...CONFIG_KEYS.map(({ path }) => variableOf(path)), ...OTHER_VARIABLES];
      problems.push(
        `the environment variable ${shorten(variable)} is unknown; the nearest is ${nearest(variable, known)}`,
      );
    }
  }
  for (const [path, value] of Object.entries(inputs.overrides ?? {})) {
    if (value === undefined) continue;
    set(tree, path, value);
    places.set(path, 'command line');
    origins.set(path, { source: 'flag', place: null });
  }
  const parsed = configSchema.safeParse(tree);
  for (const issue of parsed.error?.issues ?? []) {
    const path = issue.path.join('.');
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) {
        // Finding the nearest costs more than telling: not for keys that are not shown.
        const isShown = problems.length < MAX_PROBLEMS;
        problems.push(isShown ? unknownKey(path === '' ? key : `${path}.${key}`, places) : key);
      }
    } else {
      const notMapping = issue.code === 'invalid_type' && issue.expected === 'object';
      const message = notMapping ? 'must be a mapping of keys' : issue.message;
      problems.push(`${where(path, places)}${path} ${message}`);
    }
  }
  if (problems.length > 0 || !parsed.success) {
    throw new CognitodError(
      'CONFIG_INVALID',
      `the configuration is wrong:${listProblems(problems, MAX_PROBLEMS)}`,
      {
        hint: 'docs/configuration.md lists all keys; `cognitod agent --check-config` checks without starting',
      },
    );
  }
  return { config: parsed.data, origins };
}

export const variableOf = (path: string): string => `COGNITOD_${path.replaceAll('.', '_').toUpperCase()}`;

/** The place of a key, or of the list that it is in. */
function where(path: string, places: Places): string {
  const place = places.get(path) ?? places.get(path.slice(0, Math.max(0, path.lastIndexOf('.'))));
  return place === undefined ? '' : `${place}: `;
}

function unknownKey(path: string, places: Places): string {
  const groups = new Set(
    CONFIG_KEYS.flatMap(({ path: key }) => (key.includes('.') ? [key.split('.')[0]!] : [])),
  );
  const near = nearest(path, [...CONFIG_KEYS.map((key) => key.path), ...groups]);
  return `${where(path, places)}the key ${shorten(path)} is unknown; the nearest is ${near}`;
}

function nearest(name: string, candidates: readonly string[]): string {
  // The distance takes time in proportion to the length, which is not ours to choose.
  const start = name.slice(0, 64);
  return candidates.reduce((best, candidate) =>
    distance(start, candidate) < distance(start, best) ? candidate : best,
  );
}

function has(tree: Tree, path: string): boolean {
  const [group, name] = path.split('.') as [string, string?];
  const value = tree[group];
  return name === undefined
    ? value !== undefined
    : typeof value === 'object' && value !== null && name in value;
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
