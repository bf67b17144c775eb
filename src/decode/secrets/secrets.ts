// Masks passwords, tokens and keys in the arguments of a program. docs/secrets.md says which.
import { CognitodError } from '../../lib/errors.ts';
import { Command } from './command.ts';
import {
  extraWords,
  isCapitalKey,
  isSecretValue,
  NameSet,
  NO_SECRET,
  nameStart,
  QUERY_WORDS,
  SECRET_NAME_PIECES,
  SECRET_UNLESS_PATH,
  SECRET_WORDS,
} from './names.ts';
import { Next } from './next-match.ts';
import { findProgram, type Program } from './programs.ts';
import { Budget, MASK, Ranges, STEPS } from './ranges.ts';
import { addGroups, findInText, hasShape } from './text.ts';
import { TOOL_RULES } from './tools.ts';
import { ShellWords } from './shell-words.ts';

export interface SecretRules {
  readonly enabled: boolean;
  /** Further names of options and variables whose value is a secret, e.g. `pin`. */
  readonly extraArguments: readonly string[];
  /** Sources of regular expressions: group 1, or the whole match without groups, is masked. */
  readonly extraPatterns: readonly string[];
}

/** What is masked whatever the program; `TOOL_RULES` are the rules for some programs. As in docs/secrets.md. */
export const GENERAL_RULES = [
  'named-option',
  'assignment',
  'capital-key',
  'query-parameter',
  'url-password',
  'http-header',
  'json-field',
  'known-token',
  'bearer',
  'sql-password',
  'private-key',
  'auth-call',
  'oracle-url',
  'webhook',
  'yaml-field',
  'auth-option',
  'set-name',
  'named-key',
  'script',
] as const;

/** What was masked in one argument vector. */
export interface Masking {
  /** Arguments that were changed. */
  readonly masked: number;
  /** The budget ran out: what follows is masked without having been read, but for plain options. */
  readonly cut: boolean;
}

/** Masks secrets in place. `executable` is the path that was executed. */
export type ArgvMasker = (argv: string[], executable: string) => Masking;

export const NOTHING_MASKED: Masking = Object.freeze({ masked: 0, cut: false });

/** A script in a script in a script: deeper ones are masked when they may hold a secret. */
const MAX_DEPTH = 4;
const PROGRAM_CACHE = 1024;
/** Characters between a word that runs a program, as sudo does, and the program with rules or the option. */
const NEAR = 256;

const DASH = 0x2d;

/**
 * A function that masks the secrets of one argv in place. Its own work is bounded by `budget` whatever the arguments
 * are; that of `extraPatterns` is whatever they need.
 */
export function createMasker(rules: SecretRules, budget = new Budget()): ArgvMasker {
  if (!rules.enabled) return () => NOTHING_MASKED;
  const masker = new Masker(rules, budget);
  return (argv, executable) => masker.mask(argv, executable);
}

class Masker {
  readonly #names: NameSet;
  readonly #queryNames: NameSet;
  readonly #patterns: readonly RegExp[];
  /** Found near every secret that the words of a script tell: the other words need not be read. */
  readonly #hint: RegExp;
  /** Used for every argument, one after the other. */
  readonly #found: Ranges;
  readonly #budget: Budget;
  /** By path: those of the same executable come again and again. */
  readonly #programs = new Map<string, Program | null>();

  constructor(rules: SecretRules, budget: Budget) {
    this.#budget = budget;
    this.#found = new Ranges(budget);
    const words = [...SECRET_WORDS, ...extraWords(rules.extraArguments.map(checkName))];
    this.#names = new NameSet(words);
    this.#queryNames = new NameSet([...words, ...QUERY_WORDS]);
    this.#hint = hintOf(rules.extraArguments);
    this.#patterns = rules.extraPatterns.map(compile);
  }

  mask(argv: string[], executable: string): Masking {
    this.#budget.reset();
    const command = new Command(
      this.#names,
      this.#findProgram(executable) ?? this.#findProgram(argv[0] ?? ''),
      argv,
    );
    let masked = 0;
    for (let i = 0; i < argv.length; i++) {
      const text = argv[i]!;
      if (
        this.#budget.exhausted ||
        !this.#budget.take(command.ruled ? STEPS.ruledArgument : STEPS.argument)
      ) {
        if (PLAIN_OPTION.test(text)) continue;
        argv[i] = MASK;
      } else {
        const found = this.#readArgument(command, text, i, argv);
        if (found === null || found.empty) continue;
        argv[i] = found.apply(text);
      }
      masked++;
    }
    const cut = this.#budget.exhausted;
    if (masked === 0 && !cut) return NOTHING_MASKED;
    if (masked > 0) copyTexts(argv);
    return { masked, cut };
  }

  #findProgram(path: string): Program | undefined {
    let program = this.#programs.get(path);
    if (program === undefined) {
      program = findProgram(path) ?? null;
      if (this.#programs.size >= PROGRAM_CACHE) this.#programs.clear();
      if (path.length < 256) this.#programs.set(path, program);
    }
    return program ?? undefined;
  }

  /** What is to be masked in argument `i`; null for the usual argument, which costs a look at its characters. */
  #readArgument(command: Command, text: string, i: number, argv: readonly string[]): Ranges | null {
    const role = i === 0 ? 'ordinary' : command.read(text, i === argv.length - 1);
    if (role === 'ordinary' && !PUNCTUATION.test(text) && this.#patterns.length === 0 && !hasShape(text))
      return null;

    const found = this.#found.reset();
    if (!this.#budget.take(STEPS.text + Math.ceil(text.length / STEPS.charactersPerStep))) {
      found.add(0, text.length);
      return found;
    }
    const blank = BLANK.test(text);
    const previous = argv[i - 1] ?? '';
    const prose = command.prose || (blank && MESSAGE_OPTION.test(previous));
    findInText(text, this.#names, { blank, prose, previous }, found);
    for (const pattern of this.#patterns) addGroups(pattern, text, found);
    if (typeof role === 'object') {
      if (isSecretValue(text.slice(role.from, role.to), role.kind, false)) found.add(role.from, role.to);
    } else if (!blank) {
      this.#findAssignments(command, text, false, found, previous);
    } else if (SCRIPT_OPTION.test(previous) || !this.#findLeadingAssignment(command, text, found)) {
      this.#readScript(text, prose, 1, found);
    }
    return found;
  }

  /** The words of a text that may be a script. */
  #readScript(text: string, prose: boolean, depth: number, found: Ranges): void {
    const hints = new Next(this.#hint, text);
    if (hints.from(0) === text.length) return;
    let command = new Command(this.#names, undefined);
    const base = found.offset;
    const words = new ShellWords(text);
    let hinted = false;
    for (let word = words.next(); word !== null; ) {
      const { from, to, command: begins, innerFrom, innerTo } = word;
      hinted = (hinted && !begins) || hints.from(from) < to + NEAR;
      if (!this.#budget.take(hinted ? STEPS.word : STEPS.skippedWord)) {
        // What is not read may hold a secret.
        found.offset = base;
        found.add(from, text.length);
        return;
      }
      word = words.next();
      if (!hinted) continue;
      const content = text.slice(from, to);
      found.offset = base + from;
      if (begins) command = new Command(this.#names, findProgram(content));
      const role =
        begins || prose || command.prose ? 'ordinary' : command.read(content, word?.command !== false);
      if (typeof role === 'object') {
        if (isSecretValue(content.slice(role.from, role.to), role.kind, true)) found.add(role.from, role.to);
        continue;
      }
      this.#findAssignments(command, content, true, found);
      if (innerFrom < innerTo && !command.prose)
        this.#readInner(text.slice(innerFrom, innerTo), base + innerFrom, prose, depth, found);
    }
    found.offset = base;
  }

  /** What the quotes in a word enclose: perhaps a script again. */
  #readInner(inner: string, offset: number, prose: boolean, depth: number, found: Ranges): void {
    if (!BLANK.test(inner)) return;
    found.offset = offset;
    if (!this.#budget.take(STEPS.quotation)) found.add(0, inner.length);
    else if (depth < MAX_DEPTH) this.#readScript(inner, prose, depth + 1, found);
    else if (new Next(this.#hint, inner).from(0) < inner.length) found.add(0, inner.length);
  }

  /**
   * `PASSWORD=a b`, `--password=a b`: all of the argument is the value, white space included, up to a further
   * assignment as in `password=a host=b`. False when the argument does not begin with the name of a secret.
   */
  #findLeadingAssignment(command: Command, text: string, found: Ranges): boolean {
    const equals = text.indexOf('=');
    if (equals < 1 || nameStart(text, equals) !== 0) return false;
    const further = text.slice(equals).search(/\s[\w.-]+=/);
    const end = this.#findAssignment(
      command,
      text,
      equals,
      further === -1 ? text.length : equals + further,
      false,
      found,
    );
    return end === text.length;
  }

  #findAssignments(command: Command, text: string, script: boolean, found: Ranges, previous = ''): void {
    for (let at = text.indexOf('='); at !== -1; at = text.indexOf('=', at + 1)) {
      if (!this.#budget.take(STEPS.sign)) {
        found.add(at, text.length);
        return;
      }
      at = Math.max(at, this.#findAssignment(command, text, at, text.length, script, found, previous) - 1);
    }
  }

  /** Marks the value that is assigned at `equals`, at most up to `limit`. Returns where to go on. */
  #findAssignment(
    command: Command,
    text: string,
    equals: number,
    limit: number,
    script: boolean,
    found: Ranges,
    previous = '',
  ): number {
    // `user[password]=` of forms. `==` compares or pins a version.
    const nameEnd = text[equals - 1] === ']' ? equals - 1 : equals;
    const start = nameStart(text, nameEnd);
    const before = start === 0 ? '' : text[start - 1]!;
    const names = before === '?' || before === '&' ? this.#queryNames : this.#names;
    let kind = names.match(text, start, nameEnd);
    if (kind === NO_SECRET && isCapitalKey(text, start, nameEnd)) kind = SECRET_UNLESS_PATH;
    if (kind === NO_SECRET || text[equals + 1] === '=') return equals + 1;
    this.#budget.take(STEPS.secretName);
    if (start === 0 && text.charCodeAt(0) === DASH && command.isHarmless(optionName(text, equals)))
      return equals + 1;
    const list = start === 0 && LIST_OPTION.test(previous);
    const end = Math.min(limit, valueEnd(text, equals + 1, list ? ',' : before));
    if (isSecretValue(text.slice(equals + 1, end), kind, script)) found.add(equals + 1, end);
    return end;
  }
}

/** After the budget has run out, only these stay: the name of an option, and nothing. */
const PLAIN_OPTION = /^(?:|-[A-Za-z]|--[A-Za-z]{1,32}(?:-[A-Za-z]{1,32}){0,8})$/;
/** What follows is a list of assignments with commas between them. */
const LIST_OPTION = /^(?:--set(?:-string)?|-o)$/;
/** Without any of these an argument is no more than one word. */
const PUNCTUATION = /[=:(\s]/;
const BLANK = /\s/;
/** `-c`, `-lc`: what follows is a script, whose words are read one by one. */
const SCRIPT_OPTION = /^-[a-zA-Z]{0,8}c$/;
/** What follows is written for people. */
const MESSAGE_OPTION = /^(?:-[as]?m|--(?:message|title|body|subject|description|comment|notes?))$/;

const optionName = (text: string, end: number) => text.slice(text.startsWith('--') ? 2 : 1, end);

/** A value ends where the list ends that its name stands in: a query, a connection string, a quotation. */
function valueEnd(text: string, from: number, before: string): number {
  const end = VALUE_ENDS[BLANK.test(before) ? ' ' : before];
  if (end === undefined) return text.length;
  end.lastIndex = from;
  return end.exec(text)?.index ?? text.length;
}

const QUERY_END = /[&#\s"']/g;
const LIST_END = /[,;})\]\s"']/g;
const VALUE_ENDS: Readonly<Record<string, RegExp>> = {
  '?': QUERY_END,
  '&': QUERY_END,
  '#': QUERY_END,
  '[': QUERY_END,
  ';': /[;"']/g,
  ',': /[,;})\]"']/g,
  '{': LIST_END,
  '(': LIST_END,
  '"': /"/g,
  "'": /'/g,
  ' ': /[\s"']/g,
};

/**
 * Arguments are slices of one string, which would keep the secrets in memory as long as any of them lives. So they
 * become slices of a masked one: one call for all, because the call costs more than the characters.
 */
function copyTexts(argv: string[]): void {
  const copy = Buffer.from(argv.join('')).toString();
  let at = 0;
  for (let i = 0; i < argv.length; i++) {
    const end = at + argv[i]!.length;
    argv[i] = copy.slice(at, end);
    at = end;
  }
}

/** Names may have separators anywhere, hence only the pieces that names have in common. */
function hintOf(extraArguments: readonly string[]): RegExp {
  const extra = extraWords(extraArguments).map(({ text }) => [...text].join('[-_.]*'));
  const programs = TOOL_RULES.flatMap((rule) => rule.programs)
    .map((program) => program.replaceAll('.', '\\.').replace('*', '\\w*'))
    .join('|');
  return new RegExp([...SECRET_NAME_PIECES, ...extra, `(?<![\\w-])(?:${programs})(?!\\w)`].join('|'), 'gi');
}

function checkName(name: string): string {
  const bare = name.replace(/^-+/, '');
  if (/^[A-Za-z][\w.-]{0,63}$/.test(bare)) return bare;
  throw new CognitodError('CONFIG_INVALID', `"${name}" cannot be the name of an argument`, {
    hint: 'give names of options or variables, such as pin or --card-pin, in secrets.extra_arguments',
  });
}

function compile(source: string): RegExp {
  try {
    return new RegExp(source, 'dg');
  } catch (cause) {
    throw new CognitodError(
      'CONFIG_INVALID',
      `a pattern for secrets is no regular expression: ${(cause as Error).message}`,
      {
        hint: 'correct secrets.extra_patterns; the syntax is that of JavaScript',
        cause,
      },
    );
  }
}
