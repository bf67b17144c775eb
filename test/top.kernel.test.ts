// `cognitod top` in a real terminal (tmux), against a real agent and real processes.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { COGNITOD, type RunningAgent, runCognitod, startAgent } from './support/agent.ts';
import { cannotUseBpf } from './support/observe.ts';
import { PATIENCE } from './support/patience.ts';

const skip = cannotUseBpf();
const PATIENCE_MS = 20_000 * PATIENCE;
/** A duration to sleep that is wider than a terminal. */
const LONG = `0.${'0123456789'.repeat(15)}`;

/** A tmux of its own with one window, in which a shell runs. */
class Terminal {
  readonly #socket = join(mkdtempSync(join(tmpdir(), 'cognitod-top-')), 'tmux');

  constructor(t: TestContext, command: string, { columns = 120, rows = 30 } = {}) {
    t.after(() => {
      try {
        this.#tmux('kill-server');
      } catch {}
      rmSync(join(this.#socket, '..'), { recursive: true, force: true });
    });
    // The command's exit code stays on the screen after it.
    const line = `PS1='$ '; export PS1; ${command}; echo "ENDED $?"; exec cat`;
    this.#tmux('-f', '/dev/null', 'new-session', '-d', '-x', `${columns}`, '-y', `${rows}`, 'sh', '-c', line);
  }

  press(...keys: string[]): void {
    this.#tmux('send-keys', ...keys);
  }

  type(text: string): void {
    this.#tmux('send-keys', '-l', text);
  }

  resize(columns: number, rows: number): void {
    this.#tmux('resize-window', '-x', `${columns}`, '-y', `${rows}`);
  }

  text(): string {
    return this.#tmux('capture-pane', '-p');
  }

  modes(): string {
    return this.#tmux('display-message', '-p', '#{alternate_on} #{cursor_flag} #{wrap_flag}').trim();
  }

  /** The screen once it matches. */
  async until(what: RegExp | ((text: string) => boolean)): Promise<string> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const text = this.text();
      if (typeof what === 'function' ? what(text) : what.test(text)) return text;
      assert.ok(performance.now() < deadline, `not on the screen: ${what}\n${text}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  #tmux(...args: string[]): string {
    return execFileSync('tmux', ['-S', this.#socket, ...args], { encoding: 'utf8', stdio: 'pipe' });
  }
}

/** A process with this name and these arguments, until the test ends. */
function sleeper(t: TestContext, name: string, ...more: string[]): number {
  const directory = mkdtempSync(join(tmpdir(), 'cognitod-top-'));
  const program = join(directory, name);
  symlinkSync('/bin/sleep', program);
  const child = spawn(program, ['600', ...more], { stdio: 'ignore' });
  t.after(() => {
    child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  });
  return child.pid!;
}

async function start(t: TestContext): Promise<RunningAgent> {
  const agent = await startAgent();
  t.after(() => agent.kill('SIGKILL'));
  return agent;
}

test('top shows pods and processes, filters, sorts, draws trees, pauses, resizes, and leaves the terminal as it was', {
  skip,
  timeout: 120_000,
}, async (t) => {
  const agent = await start(t);
  const terminal = new Terminal(t, `${COGNITOD} top --interval 1 --api ${agent.api}`);
  const first = await terminal.until(/host, outside of pods/);
  assert.match(first, /^cognitod .* forks [\d.]+\/s execs [\d.]+\/s exits [\d.]+\/s/);
  assert.match(first, /^ledger {2}seen [\d,]+ {2}lost 0 /m);
  assert.match(first, /Esc back$/m);
  assert.equal(terminal.modes(), '1 0 0');

  terminal.press('Tab');
  await terminal.until(/PID +UID +CPU% +MEM +AGE WHERE +COMMAND/);
  const pid = sleeper(t, 'watched-sleeper', LONG);
  terminal.press('/');
  terminal.type('watched-sle');
  const found = await terminal.until((text) => text.includes(`${pid}`) && /^1 process /m.test(text));
  assert.match(found, /watched-sleeper 600/);
  assert.match(found, /\/watched-sle█/);
  terminal.press('Enter', 'Enter');
  const detail = await terminal.until(/Images, oldest first/);
  assert.ok(
    detail.replaceAll('\n', '').includes(LONG),
    'all of a long argument, in as many lines as it needs',
  );
  assert.match(detail, new RegExp(`pid +${pid}\\b`));
  terminal.press('End');
  await terminal.until((text) => !text.includes('process id') && !text.includes('Images'));
  terminal.press('Escape');
  await terminal.until(/with «watched-sle»/);
  terminal.press('Escape');
  await terminal.until((text) => !text.includes('with «'));

  terminal.press('s');
  await terminal.until(/ by memory/);
  terminal.press('t');
  await terminal.until(/ by tree[\s\S]*├─ /);

  terminal.press('t', 'p');
  await terminal.until(/PAUSED/);
  const late = sleeper(t, 'late-sleeper');
  terminal.press('/');
  terminal.type('late-sleeper');
  await new Promise((resolve) => setTimeout(resolve, 2500));
  assert.ok(!terminal.text().includes(`${late} `), 'a paused screen learns of nothing');
  terminal.press('Enter', 'p');
  await terminal.until(new RegExp(`${late} `));

  terminal.resize(60, 12);
  const small = await terminal.until((text) => text.trimEnd().split('\n').length === 12);
  assert.ok(
    small.split('\n').every((line) => [...line].length <= 60),
    small,
  );
  assert.match(small, /^ledger {2}seen/m);
  // The last column too is on the screen.
  await terminal.until(/^q quit .*…$/m);
  terminal.press('?');
  await terminal.until(/select a row/);
  terminal.press('x', 'q');
  const after = await terminal.until(/ENDED 0/);
  assert.doesNotMatch(after, /ledger|CPU%/);
  assert.equal(terminal.modes(), '0 1 1');
});

test('on a node with more processes than are shown, a filter still finds each, and the newest are first', {
  skip,
  timeout: 120_000,
}, async (t) => {
  const crowd = spawn(
    '/bin/sh',
    ['-c', 'for i in $(seq 1050); do sleep 600 & done; read wait; kill $(jobs -p)'],
    {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    },
  );
  t.after(() => process.kill(-crowd.pid!, 'SIGKILL'));
  const agent = await start(t);
  const pid = sleeper(t, 'one-of-many');
  const terminal = new Terminal(t, `${COGNITOD} top --view processes --interval 1 --api ${agent.api}`);
  await terminal.until(/1,000 processes, the first of 1,\d\d\d/);
  terminal.press('/');
  terminal.type('one-of-many');
  const found = await terminal.until((text) => text.includes(`${pid}`) && /^1 process /m.test(text));
  assert.match(found, /one-of-many 600/);
  terminal.press('Escape');
  await terminal.until(/1,000 processes, the first of 1,\d\d\d/);
  const newest = sleeper(t, 'the-newest');
  terminal.press('s', 's');
  // Others may have started since, the terminal's own among them.
  await terminal.until(new RegExp(`COMMAND *\n(.*\n){0,15} *${newest} `));
});

test('arguments that try to steer the terminal are shown, not obeyed', {
  skip,
  timeout: 60_000,
}, async (t) => {
  const agent = await start(t);
  const words = ['\u001b[2J\u001b]0;owned\u0007', '\u202Egnp.exe', '日本語\n'];
  const hostile = spawn('/bin/sh', ['-c', 'read wait', 'very-hostile', ...words], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  t.after(() => hostile.kill('SIGKILL'));
  const terminal = new Terminal(t, `${COGNITOD} top --view processes --interval 1 --api ${agent.api}`, {
    columns: 200,
  });
  await terminal.until(/COMMAND/);
  terminal.press('/');
  terminal.type('very-hostile');
  const text = await terminal.until(/read wait. very-hostile/);
  assert.match(text, /'\\x1b\[2J\\x1b\]0;owned\\x07' '\\u\{202e\}gnp\.exe' '日本語\\n'/);
  assert.match(text, /^ledger/m, 'nothing was cleared');
});

test('an agent that goes away is told, and the screen stays; SIGTERM gives the terminal back', {
  skip,
  timeout: 60_000,
}, async (t) => {
  const agent = await start(t);
  const terminal = new Terminal(t, `echo $$; exec ${COGNITOD} top --interval 1 --api ${agent.api}`);
  await terminal.until(/host, outside of pods/);
  agent.kill('SIGKILL');
  await agent.ended;
  const text = await terminal.until(/lost connection, retrying: .*connection refused/);
  assert.match(text, /host, outside of pods/);
});

test('SIGTERM gives the terminal back', { skip, timeout: 60_000 }, async (t) => {
  const agent = await start(t);
  const file = join(mkdtempSync(join(tmpdir(), 'cognitod-top-')), 'pid');
  t.after(() => rmSync(join(file, '..'), { recursive: true, force: true }));
  const terminal = new Terminal(t, `sh -c 'echo $$ > ${file}; exec ${COGNITOD} top --api ${agent.api}'`);
  await terminal.until(/host, outside of pods/);
  process.kill(Number(execFileSync('cat', [file], { encoding: 'utf8' })), 'SIGTERM');
  await terminal.until(/ENDED 0/);
  assert.equal(terminal.modes(), '0 1 1');
});

test('without a terminal top says what to do, and --once prints a look', {
  skip,
  timeout: 60_000,
}, async (t) => {
  const agent = await start(t);
  const refused = await runCognitod(['top', '--api', agent.api]);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /top needs a terminal\n.*--once/);
  const pid = sleeper(t, 'once-sleeper');
  const once = await runCognitod([
    'top',
    '--once',
    '--interval',
    '1',
    '--view',
    'processes',
    '--api',
    agent.api,
  ]);
  assert.equal(once.code, 0, once.stderr);
  assert.match(once.stdout, new RegExp(`^ +${pid} .*once-sleeper 600$`, 'm'));
  assert.match(once.stdout, /\nnothing lost\n$/);
  const json = await runCognitod(['top', '--once', '--json', '--interval', '1', '--api', agent.api]);
  const document = JSON.parse(json.stdout);
  assert.ok(document.places.some((place: { place: string }) => place.place === 'host'));
});
