// docs/cli.md says what the program says of itself.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { EXIT_CODES } from './exit-codes.ts';
import { run } from './fake-agent.fixture.ts';

interface Option {
  readonly flags: string;
  readonly description: string;
  readonly choices?: readonly string[];
  readonly default?: unknown;
}

interface Argument {
  readonly name: string;
  readonly required: boolean;
  readonly variadic: boolean;
}

interface Described {
  readonly name: string;
  readonly arguments: readonly Argument[];
  readonly options: readonly Option[];
}

const document = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');
const sections = new Map(
  document
    .split(/^## /m)
    .slice(1)
    .map((text) => [text.slice(0, text.indexOf('\n')), text] as const),
);

/** The rows of options in a section: flags and words. */
const optionRows = (section: string): string[] =>
  (sections.get(section) ?? '').split('\n').filter((line) => /^\| `-/.test(line));

const rowOf = ({ flags, description, choices, default: value }: Option) =>
  `| \`${flags}\` | ${description}${choices === undefined ? '' : `: ${choices.join(', ')}`}${value === undefined ? '' : `; default ${value}`} |`;

const usageOf = ({ name, arguments: all }: Described) =>
  [
    'cognitod',
    name,
    ...all.map((argument) => {
      const inside = `${argument.name}${argument.variadic ? '...' : ''}`;
      return argument.required ? `<${inside}>` : `[${inside}]`;
    }),
  ].join(' ');

const { commands } = JSON.parse((await run(['help', '--json'])).stdout) as { commands: Described[] };
const rowsOf = (name: string) => commands.find((command) => command.name === name)!.options.map(rowOf);
const COMMON = rowsOf('version');
const FILTERED = ['stream', 'ps', 'top'];
const FILTERS = rowsOf('ps').filter(
  (row) => !COMMON.includes(row) && FILTERED.every((name) => rowsOf(name).includes(row)),
);

test('docs/cli.md has a section for each command, with its arguments, and for no other', () => {
  assert.deepEqual(
    [...sections.keys()].filter((title) => title.startsWith('cognitod ')).toSorted(),
    commands.map(usageOf).toSorted(),
  );
});

test('docs/cli.md lists each option with its words, choices and default', () => {
  assert.deepEqual(optionRows('Common options'), COMMON);
  assert.deepEqual(optionRows('Filters'), FILTERS);
  for (const command of commands) {
    const shared = FILTERED.includes(command.name) ? [...COMMON, ...FILTERS] : COMMON;
    assert.deepEqual(
      optionRows(usageOf(command)),
      command.options.map(rowOf).filter((row) => !shared.includes(row)),
      command.name,
    );
  }
});

test('docs/cli.md shows each command at work', () => {
  for (const command of commands)
    assert.match(
      sections.get(usageOf(command))!,
      new RegExp(`^\\$ (sudo )?cognitod ${command.name}\\b`, 'm'),
      `no example of ${command.name}`,
    );
});

test('docs/cli.md lists the exit codes with their meanings', () => {
  const rows = sections
    .get('Exit codes')!
    .split('\n')
    .filter((line) => /^\| \d/.test(line));
  assert.deepEqual(
    rows,
    Object.entries(EXIT_CODES).map(([code, meaning]) => `| ${code} | ${meaning} |`),
  );
});

test('each link inside docs/cli.md leads to a section', () => {
  const anchors = [...sections.keys()].map((title) =>
    title
      .toLowerCase()
      .replace(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );
  const links = [...document.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor!);
  assert.ok(links.length > 10);
  assert.deepEqual(
    links.filter((link) => !anchors.includes(link)),
    [],
  );
});
