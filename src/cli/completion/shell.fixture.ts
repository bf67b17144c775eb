// A shell at a real terminal (tmux), for tests that press Tab.
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Shell } from './index.ts';

const ROOT = join(import.meta.dirname, '../../..');
const LIMIT_MS = 60_000;
/** On a busy machine the agent may not answer in the second that a completion waits for it: then people press Tab again. */
const AGAIN_MS = 5_000;
const PROMPT = 'READY>';
const run = promisify(execFile);

/** Without the files of the user, a prompt that can be waited for, and cognitod's completion. */
const START: Readonly<Record<Shell, { argv: readonly string[]; setup: readonly string[] }>> = {
  bash: {
    argv: ['bash', '--norc', '--noprofile', '-i'],
    setup: [`PS1='${PROMPT} '`, 'source <(cognitod completion bash)'],
  },
  zsh: {
    argv: ['zsh', '-f', '-i'],
    setup: [
      `PS1='${PROMPT} '`,
      'autoload -Uz compinit && compinit -u -D',
      'source <(cognitod completion zsh)',
    ],
  },
  fish: {
    argv: ['fish', '--no-config', '-i'],
    setup: [`function fish_prompt; echo '${PROMPT} '; end`, 'cognitod completion fish | source'],
  },
};

export const isInstalled = (program: string): boolean =>
  spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

export interface Terminal {
  /** An empty directory that the shell is in. */
  readonly directory: string;
  /** As if typed; `Tab` and `C-u` are keys. */
  press(...keys: readonly string[]): Promise<void>;
  /** Resolves with the screen once it matches. @throws with the screen when it never does */
  until(pattern: RegExp): Promise<string>;
  /** An empty line on an empty screen. */
  clear(): Promise<void>;
}

export async function startShell(t: TestContext, shell: Shell, api: string): Promise<Terminal> {
  const directory = mkdtempSync(join(tmpdir(), 'cognitod-shell-'));
  const socket = mkdtempSync(join(tmpdir(), 'cognitod-tmux-'));
  const tmux = async (...argv: string[]) =>
    (await run('tmux', ['-S', join(socket, 'tmux'), '-f', '/dev/null', ...argv], { env })).stdout;
  const env = {
    HOME: directory,
    PATH: `${ROOT}:${process.env.PATH}`,
    COGNITOD_API: api,
    LANG: 'C.UTF-8',
    TERM: 'xterm-256color',
    NODE_COMPILE_CACHE: join(ROOT, 'node_modules/.cache/cognitod'),
  };
  t.after(async () => {
    await tmux('kill-server').catch(() => {});
    for (const path of [directory, socket])
      rmSync(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  });
  const { argv, setup } = START[shell];
  await tmux('new-session', '-d', '-x', '120', '-y', '40', '-c', directory, ...argv);
  const terminal: Terminal = {
    directory,
    async press(...keys) {
      for (const key of keys)
        await tmux('send-keys', ...(/^(Tab|Enter|C-.)$/.test(key) ? [key] : ['-l', '--', key]));
    },
    async until(pattern) {
      const end = performance.now() + LIMIT_MS;
      for (let again = performance.now() + AGAIN_MS; ; ) {
        const screen = await tmux('capture-pane', '-p');
        if (pattern.test(screen)) return screen;
        const now = performance.now();
        if (now > end) throw new Error(`never saw ${pattern}, but\n${screen.trimEnd()}`);
        if (now > again) {
          again = now + AGAIN_MS;
          await terminal.press('Tab');
        }
        await sleep(50);
      }
    },
    async clear() {
      await terminal.press('C-u', 'C-l');
      await isEmpty();
    },
  };
  const isEmpty = async () => {
    const empty = new RegExp(`^\\s*${PROMPT}\\s*$`);
    for (const end = performance.now() + LIMIT_MS; !empty.test(await tmux('capture-pane', '-p')); ) {
      if (performance.now() > end) throw new Error('the screen is never empty');
      await sleep(50);
    }
  };
  for (const line of setup) await terminal.press(line, 'Enter');
  await terminal.press('cd .; clear', 'Enter');
  await isEmpty();
  return terminal;
}
