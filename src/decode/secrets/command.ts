// Reads the words of one command in order and tells which of them, or which part, its program takes for a secret.
import {
  isSwitchName,
  type NameKind,
  type NameSet,
  NO_SECRET,
  nameStart,
  SECRET,
  SECRET_UNLESS_PATH,
} from './names.ts';
import { findProgram, ORDINARY, type Program } from './programs.ts';
import { looksLikeKey } from './shape.ts';
import type { ToolRule, ValuePart } from './tools.ts';

const DASH = 0x2d;

/** A part of a word that its place makes a secret. */
export interface Secret {
  readonly from: number;
  readonly to: number;
  readonly kind: NameKind;
}

/** What a word is, as far as the words before it tell. */
export type WordRole = 'ordinary' | 'value' | Secret;

/** Letters in one argument that are options without a value: `-sSfL`. */
const MAX_CLUSTER = 12;
/** Options between `docker exec` and the program that take no value. */
const CONTAINER_SWITCH = /^--?(?:[itd]{1,3}|tty|stdin|interactive|rm|detach|privileged|init)?$/;
/** What comes before a program that runs in a container. */
const CONTAINER_VERB = /^(?:exec|run|--)$/;

/** `find … -exec program`. */
const EXEC_OPTION = /^-(?:exec|ok)(?:dir)?$/;
/** A user and a password for a service: `-auth user:SECRET`, of any program. */
const AUTH_RULE: ToolRule = {
  name: 'auth-option',
  programs: [],
  options: { '-auth': 'after-colon', '--auth': 'after-colon', '--basic-auth': 'after-colon' },
};
const AUTH_OPTION = /^--?(?:basic-)?auth/;
/** What follows is a name and its value. */
const SETTERS = new Set(['set', 'SET', 'put', 'config', 'configure']);
/** `config set-credentials NAME`: a subcommand. */
const VERB = /^(?:set|get|delete|list|create|unset|use)-/;
/** A key may follow, besides the names of secrets. */
const KEY_WORDS = new Set(['login', 'auth', 'unseal']);
const MIN_KEY = 16;

/** State while the words of one command are read. Made for each command; words are given in order. */
export class Command {
  readonly #names: NameSet;
  readonly #words: readonly string[];
  #foreseen: Map<string, boolean> | null = null;
  #program: Program = ORDINARY;
  #rules: readonly ToolRule[] = ORDINARY.rules;
  #expected: { part: ValuePart; kind: NameKind } | null = null;
  #previous = '';
  /** The last two words that were no options. */
  #word = '';
  #wordBefore = '';
  /** The program that began the command with `-exec`, until its `;`. */
  #outer: Program | null = null;
  /** Words that were no options, for rules that need one of them before. */
  #seen: Set<string> | null = null;
  #positionals = 0;
  #verbSeen = false;
  #lastIsSecret = false;

  /** `words` are all that will be given, where they are known. */
  constructor(names: NameSet, program: Program | undefined, words: readonly string[] = []) {
    this.#names = names;
    this.#words = words;
    if (program !== undefined) this.#enter(program);
  }

  /** Its program has rules of its own. */
  get ruled(): boolean {
    return this.#rules.length > 0;
  }

  /** Its arguments are text for people. */
  get prose(): boolean {
    return this.#program.writer;
  }

  #enter(program: Program): void {
    this.#program = program;
    this.#rules = program.rules;
    this.#positionals = 0;
    this.#lastIsSecret = false;
    this.#verbSeen = false;
    this.#seen = null;
    for (const { anywhere, after } of program.rules) {
      if (anywhere === true) for (const word of after!) if (this.#foresees(word)) this.#see(word);
    }
  }

  /** Looked for once, because a program may be named again and again. */
  #foresees(word: string): boolean {
    this.#foreseen ??= new Map();
    const known = this.#foreseen.get(word) ?? this.#words.includes(word);
    this.#foreseen.set(word, known);
    return known;
  }

  /** The role of the next argument; `last`: the command ends with it. */
  read(word: string, last: boolean): WordRole {
    const expected = this.#expected;
    this.#expected = null;
    const role =
      expected !== null && !isOption(word)
        ? partOf(word, expected.part, expected.kind)
        : this.#readFresh(word, last);
    this.#previous = word;
    return role;
  }

  #readFresh(word: string, last: boolean): WordRole {
    for (const rule of this.#rules) {
      const role =
        rule.options === undefined || !this.#applies(rule)
          ? null
          : this.#toolOption(rule, rule.options, word);
      if (role !== null) return role;
    }
    if (word.charCodeAt(0) === DASH) {
      const role = AUTH_OPTION.test(word) ? this.#toolOption(AUTH_RULE, AUTH_RULE.options!, word) : null;
      if (role !== null) return role;
      if (word === '--') this.#verbSeen ||= this.#program.runs === 'container';
      this.#readOption(word);
      return 'ordinary';
    }
    if (last && this.#lastIsSecret) return partOf(word, 'whole', SECRET);
    return this.#readPositional(word);
  }

  /** The option's name without its dashes is a harmless one of this program. */
  isHarmless(name: string): boolean {
    return this.#rules.some((rule) => rule.harmless?.includes(name) === true);
  }

  #applies(rule: ToolRule): boolean {
    return rule.after === undefined || rule.after.some((word) => this.#seen?.has(word));
  }

  #toolOption(rule: ToolRule, options: Readonly<Record<string, ValuePart>>, word: string): WordRole | null {
    for (const option in options) {
      const part = options[option]!;
      const from = attachedValue(rule, option, word);
      if (from === -1) continue;
      if (from < word.length) return partOf(word, part, SECRET, from);
      if (rule.attachedOnly !== true) this.#expected = { part, kind: SECRET };
      return 'ordinary';
    }
    return null;
  }

  #readOption(word: string): void {
    for (const { lastIf, after } of this.#rules) {
      this.#lastIsSecret ||= lastIf?.test(word) === true;
      if (after?.includes(word)) this.#see(word);
    }
    if (word.length < 4 || word.includes('=')) return;
    const kind = this.#names.match(word, 0, word.length);
    if (kind === NO_SECRET || isSwitchName(word)) return;
    const name = word.replace(/^-{1,2}/, '');
    if (this.isHarmless(name) || this.#rules.some((rule) => rule.attachedNames?.includes(name))) return;
    this.#expected = { part: 'whole', kind };
  }

  #readPositional(word: string): WordRole {
    this.#positionals++;
    for (const rule of this.#rules) {
      if (rule.positional === undefined || !this.#applies(rule)) continue;
      const { after, index, upTo = index, part } = rule.positional;
      if (after !== undefined && !after.some((trigger) => this.#seen?.has(trigger))) continue;
      if (this.#positionals >= index && this.#positionals <= upTo) return partOf(word, part, SECRET);
    }
    const named = this.#isNamedBefore(word);
    this.#wordBefore = this.#word;
    this.#word = word;
    if (named) return partOf(word, 'whole', SECRET);
    if (this.#rules.length > 0) this.#noteTrigger(word);
    if (this.#program.runs !== 'nothing' || this.#outer !== null) this.#seekProgram(word);
    else if (this.#previous === '--') this.#enter(findProgram(word) ?? this.#program);
    return 'ordinary';
  }

  /** `set db-password SECRET`, `http-basic.host user SECRET`, `token KEY`. */
  #isNamedBefore(word: string): boolean {
    const name = this.#word;
    // `set NAME --from file`: what follows an option belongs to it.
    if (name === '' || this.#previous !== name) return false;
    if (this.#wordBefore.startsWith('http-basic.')) return true;
    if (SETTERS.has(this.#wordBefore) && !/^[@/.~]|^[\w.-]+=/.test(word) && this.#isSecretName(name))
      return true;
    if (word.length < MIN_KEY || !looksLikeKey(word)) return false;
    return KEY_WORDS.has(name) || this.#isSecretName(name);
  }

  #isSecretName(text: string): boolean {
    // `pypi-token.host`: the name is followed by what it is for.
    if (VERB.test(text)) return false;
    const end = /^(?:pypi-token)(?=\.)/.exec(text)?.[0].length ?? text.length;
    return this.#names.match(text, nameStart(text, end), end) !== NO_SECRET;
  }

  #noteTrigger(word: string): void {
    this.#see(word);
    for (const { lastIf } of this.#rules) this.#lastIsSecret ||= lastIf?.test(word) === true;
    if (this.#rules.some((rule) => rule.positional?.after?.includes(word))) this.#positionals = 0;
  }

  #see(word: string): void {
    this.#seen ??= new Set();
    if (this.#seen.size < 64) this.#seen.add(word);
  }

  /** `sudo -u root mysql …`: from here on the rules of mysql hold. */
  #seekProgram(word: string): void {
    if (this.#outer !== null) {
      if (word === ';' || word === '\\;' || word === '+') {
        this.#enter(this.#outer);
        this.#outer = null;
      }
      return;
    }
    if (this.#program.runs === 'found-files') {
      if (!EXEC_OPTION.test(this.#previous)) return;
      const found = findProgram(word);
      if (found === undefined) return;
      if (found.runs === 'nothing') this.#outer = this.#program;
      this.#enter(found);
      return;
    }
    const afterOption = this.#previous.charCodeAt(0) === DASH && !/^-[ev]+$/.test(this.#previous);
    if (this.#program.runs === 'container') {
      if (CONTAINER_VERB.test(word)) this.#verbSeen = true;
      // `--name mysql` is a name.
      if (!this.#verbSeen || (afterOption && !CONTAINER_SWITCH.test(this.#previous))) return;
    }
    const inner = findProgram(word);
    if (inner === undefined) {
      // sshpass runs another program: its own options end here.
      if (this.#program.runs === 'program' && this.#rules.length > 0 && !afterOption) this.#enter(ORDINARY);
      return;
    }
    const { runs } = this.#program;
    this.#enter(inner);
    // `-u mysql` may be a user: a program may still follow.
    if (inner.runs === 'nothing' && runs === 'program' && afterOption) this.#program = { ...inner, runs };
  }
}

/** Where the value of an option begins in a word: at its end when it is in the next word; -1: another option. */
function attachedValue(rule: ToolRule, option: string, word: string): number {
  if (word.startsWith(option)) {
    if (word.length === option.length) return word.length;
    if (option.startsWith('--')) return word[option.length] === '=' ? option.length + 1 : -1;
    if (option.length === 2 || /[:=]$/.test(option) || rule.attachedOnly === true) return option.length;
  }
  if (rule.cluster === undefined || option.length !== 2 || word.charCodeAt(0) !== DASH) return -1;
  const at = word.indexOf(option[1]!, 2);
  if (at === -1 || at > MAX_CLUSTER) return -1;
  for (let before = 1; before < at; before++) if (!rule.cluster.includes(word[before]!)) return -1;
  return at + 1;
}

/** A dash and a letter, or two dashes and a letter. Longer words with one dash may be secrets. */
const isOption = (word: string) => /^-(?:-[A-Za-z]|[A-Za-z]?$)/.test(word);

/** The secret in `word` from `start` on. */
function partOf(word: string, part: ValuePart, kind: NameKind, start = 0): WordRole {
  const whole: Secret = { from: start, to: word.length, kind };
  const after = (char: string): WordRole => {
    const at = word.indexOf(char, start);
    // `-u TOKEN:`: the password is empty, the user is the secret.
    if (char === ':' && at === word.length - 1 && looksLikeKey(word.slice(start, at)))
      return { ...whole, to: at };
    return at === -1 ? 'value' : { ...whole, from: at + 1 };
  };
  switch (part) {
    case 'whole':
      return whole;
    case 'after-colon':
      return after(':');
    case 'after-percent':
      return after('%');
    case 'after-comma':
      return after(',');
    case 'assigned': {
      const value = after('=');
      return typeof value === 'object' && word[value.from] === '@' ? 'value' : value;
    }
    case 'unless-assigned':
      return /^[a-z_]+=[^=]/.test(word) ? 'value' : whole;
    case 'unless-file':
      return { ...whole, kind: SECRET_UNLESS_PATH };
    case 'after-greater':
      return word.startsWith('>', start) ? { ...whole, from: start + 1 } : 'value';
    case 'after-pass':
      return word.startsWith('pass:', start) ? { ...whole, from: start + 5 } : 'value';
    case 'after-slash': {
      const slash = word.indexOf('/', start);
      const database = word.lastIndexOf('@');
      if (slash <= start || word.startsWith('@', start)) return 'value';
      return { from: slash + 1, to: database > slash ? database : word.length, kind };
    }
  }
}
