// What may stand at the end of a command line: read from the commands and options of the program itself.
import type { Argument, Command, Option } from 'commander';
import { type Source, sourceOf } from '../option.ts';
import type { GlobalOptions } from '../settings.ts';

/** Something to write, and what it is. */
export interface Candidate {
  readonly value: string;
  readonly description: string;
}

export interface Wanted {
  /** What stands before the value in the same word: `--pod=`, or nothing. */
  readonly prefix: string;
  /** What of the value is written. */
  readonly text: string;
  readonly candidates: readonly Candidate[];
  readonly source: Source;
  /** Where the agent is, as far as the command line says it. */
  readonly globals: GlobalOptions;
}

const NOTHING = { prefix: '', candidates: [], source: 'nothing' } as const;

/** `words` are those after the name of the program; the last one is being written. */
export function wantedAt(program: Command, words: readonly string[]): Wanted {
  const text = words.at(-1) ?? '';
  const line = new Line(program);
  for (const word of words.slice(0, -1)) line.read(word);
  const base = { ...NOTHING, text, globals: line.globals };
  if (line.waiting !== null) return { ...base, ...valueAt(line.waiting, text) };
  if (line.onlyOperands) return { ...base, ...line.operand() };
  const assigned = /^(--[^=]+)=(.*)$/s.exec(text);
  if (assigned !== null) {
    const option = line.find(assigned[1]!);
    if (option === undefined || !takesValue(option)) return base;
    const value = valueAt(option, assigned[2]!);
    return { ...base, ...value, prefix: `${assigned[1]}=${value.prefix}` };
  }
  return text.startsWith('-') ? { ...base, candidates: line.options() } : { ...base, ...line.operand() };
}

/** Options that take several values with commas between them. */
const LISTS = ['type'];

/** What may stand for a value that is being written; of a list, for its last part, each value once. */
function valueAt(option: Option, text: string): Omit<Wanted, 'globals'> {
  const { candidates, source } = valuesOf(option);
  const comma = LISTS.includes(option.attributeName()) ? text.lastIndexOf(',') + 1 : 0;
  const given = text.slice(0, comma).split(',');
  return {
    prefix: text.slice(0, comma),
    text: text.slice(comma),
    candidates: candidates.filter(({ value }) => !given.includes(value)),
    source,
  };
}

const takesValue = (option: Option) => option.required || option.optional;

function valuesOf(of: Option | Argument): Pick<Wanted, 'candidates' | 'source'> {
  const source = sourceOf(of) ?? 'nothing';
  if (typeof source === 'string') return { candidates: [], source };
  return { candidates: source.map((value) => ({ value, description: '' })), source: 'nothing' };
}

/** The words before the last one, as commander would read them. */
class Line {
  readonly #program: Command;
  readonly #given = new Map<string, string>();
  #command: Command;
  #operands = 0;
  /** The option whose value comes next. */
  waiting: Option | null = null;
  /** After `--`. */
  onlyOperands = false;

  constructor(program: Command) {
    this.#program = program;
    this.#command = program;
  }

  get globals(): GlobalOptions {
    return Object.fromEntries(
      ['api', 'tokenFile', 'caFile', 'certFile', 'keyFile', 'config'].flatMap((name) => {
        const value = this.#given.get(name);
        return value === undefined ? [] : [[name, value]];
      }),
    );
  }

  read(word: string): void {
    if (this.waiting !== null) {
      this.#given.set(this.waiting.attributeName(), word);
      this.waiting = null;
    } else if (word === '--' && !this.onlyOperands) this.onlyOperands = true;
    else if (word.startsWith('-') && word !== '-' && !this.onlyOperands) this.#readOption(word);
    else this.#readOperand(word);
  }

  find(flag: string): Option | undefined {
    return [...this.#command.options, ...this.#program.options].find(
      ({ long, short }) => flag === long || flag === short,
    );
  }

  options(): Candidate[] {
    return this.#command
      .createHelp()
      .visibleOptions(this.#command)
      .filter((option) => option.long != null && !this.#given.has(option.attributeName()))
      .map(({ long, description }) => ({ value: long!, description }));
  }

  operand(): Pick<Wanted, 'candidates' | 'source'> {
    if (this.#command === this.#program) return { candidates: this.#commands(), source: 'nothing' };
    const declared = this.#command.registeredArguments;
    const last = declared.at(-1);
    const argument = declared[this.#operands] ?? (last?.variadic === true ? last : undefined);
    if (argument === undefined) return { candidates: [], source: 'nothing' };
    if (sourceOf(argument) === 'commands') return { candidates: this.#commands(), source: 'nothing' };
    return valuesOf(argument);
  }

  #commands(): Candidate[] {
    return this.#program
      .createHelp()
      .visibleCommands(this.#program)
      .map((command) => ({ value: command.name(), description: command.description() }));
  }

  #readOption(word: string): void {
    const [flag, ...value] = word.split('=');
    const option = this.find(flag!);
    if (option === undefined) return;
    if (takesValue(option) && value.length === 0) this.waiting = option;
    else this.#given.set(option.attributeName(), value.join('='));
  }

  #readOperand(word: string): void {
    const command =
      this.#command === this.#program
        ? this.#program.commands.find((candidate) => candidate.name() === word)
        : undefined;
    if (command === undefined) this.#operands++;
    else this.#command = command;
  }
}
