// Data flows one way: an import may point only upstream along the line, or to lib and api.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { test } from 'node:test';

const SRC = join(import.meta.dirname, '../src');

/** The line, upstream first. A stage may import those before it. */
const LINE = [
  'kernel',
  'decode',
  'collect',
  'identity',
  'model',
  'encode',
  'detect',
  'record',
  'explain',
  'notify',
  'evidence',
  'serve',
];
/** Usable by every stage, each with those of them that it may use itself. */
const SHARED: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  os: ['lib'],
  api: ['lib'],
  http: ['lib', 'api', 'os'],
};
/** Clients know the agent only by its contract. */
const CLIENTS = ['cli'];
/** What stands beside the line, and the rooms whose parts it uses. */
const BESIDE: Readonly<Record<string, readonly string[]>> = {
  // Programs of their own.
  admission: ['identity', 'http'],
  // The privileged moment: it must need little.
  start: ['kernel', 'decode'],
  // Examines agent and node from outside.
  doctor: ['kernel', 'decode', 'collect', 'identity'],
  // Wires the line, answers the doctor's questions over the API, and prints in the foreground what the command line prints.
  agent: [...LINE, 'start', 'doctor', 'cli'],
  // src/main.ts: which program it is.
  '': ['start', 'agent', 'doctor', 'admission', 'cli', 'identity'],
};

/** Why an import is wrong; null when it may be. `from` and `to` are folders of src, '' for src itself. */
export function brokenRule(from: string, to: string): string | null {
  if (from === to) return null;
  const below = SHARED[from];
  if (below !== undefined)
    return below.includes(to)
      ? null
      : `${from} is shared by all stages and may import only ${below.join(' and ') || 'nothing'}`;
  if (CLIENTS.includes(from))
    return ['api', 'lib'].includes(to) ? null : `${from} is a client: it sees only api and lib`;
  if (to in SHARED) return null;
  const parts = BESIDE[from];
  if (parts !== undefined)
    return parts.includes(to) ? null : `${from} stands beside the line: it uses only ${parts.join(' and ')}`;
  if (!LINE.includes(from)) return `${from} has no place in the line: name it in test/imports.test.ts`;
  if (!LINE.includes(to)) return `${to} is not a stage that ${from} may import`;
  if (LINE.indexOf(to) > LINE.indexOf(from)) return `data flows from ${from} to ${to}: ${to} is downstream`;
  return null;
}

interface Import {
  file: string;
  target: string;
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(SRC, file), 'utf8');
  const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((match) => match[1]!);
  return specifiers.map((specifier) => ({ file, target: normalize(join(dirname(file), specifier)) }));
}

const folderOf = (path: string) => (path.includes('/') ? path.split('/')[0]! : '');
const isTest = (path: string) => /\.(test|contract)\.ts$/.test(path);
const isForTests = (path: string) => /\.(fixture)\.ts$/.test(path);

test('imports between the folders of src point upstream only', () => {
  const imports = globSync('**/*.ts', { cwd: SRC })
    .filter((file) => !isTest(file))
    .flatMap(importsOf);
  assert.ok(imports.length > 50, 'the scan found the imports');
  const broken = imports.flatMap(({ file, target }) => {
    const rule = brokenRule(folderOf(file), folderOf(target));
    return rule === null ? [] : [`${file} imports ${target}: ${rule}`];
  });
  assert.deepEqual(broken, []);
});

test('imports of another folder go through its index', () => {
  const imports = globSync('**/*.ts', { cwd: SRC })
    .filter((file) => !isTest(file))
    .flatMap(importsOf);
  const inner = imports.filter(
    ({ file, target }) =>
      folderOf(file) !== folderOf(target) &&
      folderOf(target) !== '' &&
      folderOf(target) !== 'lib' &&
      // What only tests use is in no index.
      !isForTests(file) &&
      !isForTests(target) &&
      // A part of a room may have an index of its own, for those who need only that.
      !/^(\w+\/)?index\.ts$/.test(relative(folderOf(target), target)),
  );
  assert.deepEqual(inner, []);
});

/** Every file that can come back to itself by its imports, types included: one part of two that are really one. */
function circles(): string[][] {
  const files = globSync('**/*.ts', { cwd: SRC }).filter((file) => !isTest(file) && !isForTests(file));
  const imports = new Map(files.map((file) => [file, importsOf(file).map(({ target }) => target)]));
  const reach = (from: string, found = new Set<string>()) => {
    for (const to of imports.get(from) ?? [])
      if (!found.has(to)) {
        found.add(to);
        reach(to, found);
      }
    return found;
  };
  const reached = new Map(files.map((file) => [file, reach(file)]));
  return files
    .filter((file) => reached.get(file)!.has(file))
    .map((file) => [
      file,
      ...files.filter(
        (other) => other !== file && reached.get(file)!.has(other) && reached.get(other)!.has(file),
      ),
    ]);
}

test('no file imports itself, on whatever way', () => {
  assert.deepEqual(circles(), []);
});

test('files are short', () => {
  const lengths = globSync('**/*.ts', { cwd: SRC })
    .filter((file) => !isTest(file) && !isForTests(file) && !file.includes('/generated/'))
    .map((file) => ({ file, lines: readFileSync(join(SRC, file), 'utf8').split('\n').length - 1 }))
    .sort((a, b) => a.lines - b.lines);
  const at = (share: number) => lengths[Math.floor(lengths.length * share)]!.lines;
  assert.ok(at(0.5) <= 100, `the median has ${at(0.5)} lines`);
  assert.ok(at(0.9) <= 300, `the 90th percentile has ${at(0.9)} lines`);
  assert.deepEqual(
    lengths.filter(({ lines }) => lines > 500),
    [],
  );
});

/** All files that a file needs when it runs: types are gone by then. */
function neededBy(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  const text = readFileSync(join(SRC, file), 'utf8').replaceAll(/^(import|export) type [^;]*;$/gm, '');
  for (const [, specifier] of text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g))
    if (specifier!.startsWith('.')) neededBy(normalize(join(dirname(file), specifier!)), found);
    else found.add(specifier!);
  return found;
}

test('the webhook needs no C library', () => {
  assert.ok(neededBy('start/open-programs.ts').has('koffi'), 'the search finds who does');
  const needed = neededBy('admission/index.ts');
  assert.ok(needed.size > 30);
  assert.deepEqual(
    [...needed].filter((file) => file === 'koffi' || /^(os|kernel)\//.test(file)),
    [],
  );
});

/** Parts that need no Node and nothing else: of the contract only types, not the schemas. */
const PURE = [
  'api/generated/route-places.ts',
  'api/ledger.ts',
  'api/paths.ts',
  'lib/capabilities.ts',
  'lib/counted-kinds.ts',
  'lib/generated/counted-kinds.ts',
  'lib/text.ts',
];

test('the dashboard sees types of the contract and what is pure, nothing else', () => {
  const web = join(SRC, '../web');
  const broken = globSync('**/*.{ts,tsx}', { cwd: web }).flatMap((file) => {
    const text = readFileSync(join(web, file), 'utf8');
    return [...text.matchAll(/^(import|export) (type )?[^;]*?from '([^']+)';/gm)].flatMap(
      ([, , type, target]) => {
        if (target!.startsWith('node:') && !file.endsWith('.test.ts')) return [`${file} needs ${target}`];
        const path = relative(SRC, join(web, dirname(file), target!));
        if (!target!.includes('/src/') || PURE.includes(path)) return [];
        const isTypes = type !== undefined && path === 'api/index.ts';
        return isTypes ? [] : [`${file} imports ${path}: only types of src/api, and ${PURE.join(' and ')}`];
      },
    );
  });
  assert.deepEqual(broken, []);
  for (const file of PURE)
    for (const [, target] of readFileSync(join(SRC, file), 'utf8').matchAll(
      /^(?:import|export) (?!type )[^;]*?from '([^']+)';/gm,
    ))
      assert.ok(PURE.includes(normalize(join(dirname(file), target!))), `${file} is pure: not ${target}`);
});

test('the rule knows upstream from downstream', () => {
  assert.equal(brokenRule('model', 'identity'), null);
  assert.equal(brokenRule('serve', 'api'), null);
  assert.match(brokenRule('decode', 'model')!, /downstream/);
  assert.match(brokenRule('cli', 'model')!, /client/);
  assert.equal(brokenRule('admission', 'identity'), null);
  assert.match(brokenRule('admission', 'kernel')!, /beside/);
  assert.match(brokenRule('serve', 'admission')!, /not a stage/);
  assert.equal(brokenRule('agent', 'start'), null);
  assert.match(brokenRule('agent', 'admission')!, /beside/);
  assert.match(brokenRule('start', 'cli')!, /beside/);
  assert.match(brokenRule('doctor', 'model')!, /beside/);
  assert.match(brokenRule('lib', 'kernel')!, /shared/);
});
