// Starts the real agent for a test, as a user would, and stops it.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PATIENCE } from './patience.ts';
import type { EventJson, LedgerJson, ReadyJson, StatusJson } from '../../src/api/index.ts';

export const COGNITOD = join(import.meta.dirname, '../../cognitod');
const START_TIMEOUT_MS = 30_000 * PATIENCE;

export interface Ended {
  readonly code: number | null;
  readonly signal?: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningAgent {
  readonly pid: number;
  readonly api: string;
  readonly ops: string;
  readonly started: Record<string, unknown>;
  status(): Promise<StatusJson>;
  ready(): Promise<{ status: number; body: ReadyJson }>;
  metrics(): Promise<string>;
  /** SIGTERM; resolves with what it printed and the ledger at its end. */
  stop(): Promise<Ended & { ledger: LedgerJson | undefined }>;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<Ended>;
}

export interface AgentOptions {
  readonly args?: string[];
  readonly env?: Record<string, string>;
  /** Without any capability, as uid 0: the checkout need not be readable for others. */
  readonly unprivileged?: boolean;
  /** A program that starts the agent as its own: `ownNamespaces`. */
  readonly prefix?: string[];
  /** What is started instead of the command of the checkout. */
  readonly program?: string;
}

/** Any command line of cognitod, to its end. */
export function runCognitod(args: string[], options: AgentOptions & { input?: string } = {}): Promise<Ended> {
  const child = spawnCognitod(args, options);
  child.stdin!.end(options.input ?? '');
  return collect(child);
}

function spawnCognitod(args: string[], options: AgentOptions): ChildProcess {
  const {
    COGNITOD_API: _api,
    COGNITOD_TOKEN: _token,
    COGNITOD_CONFIG: _config,
    COGNITOD_CA_FILE: _ca,
    COGNITOD_CERT_FILE: _cert,
    COGNITOD_KEY_FILE: _key,
    ...env
  } = process.env;
  const drop = ['--bounding-set=-all', '--inh-caps=-all', '--no-new-privs'];
  const prefix = options.prefix ?? (options.unprivileged === true ? ['setpriv', ...drop] : []);
  const [command, ...rest] = [...prefix, options.program ?? COGNITOD, ...args];
  return spawn(command!, rest, { stdio: 'pipe', env: { ...env, ...options.env } });
}

/** What a program prints to its end. */
export function collect(child: ChildProcess): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  child.stdout!.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr!.on('data', (chunk) => {
    stderr += chunk;
  });
  return new Promise((resolve) =>
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr })),
  );
}

/** An agent on free ports. Rejects with what it said when it does not start. */
export async function startAgent(options: AgentOptions = {}): Promise<RunningAgent> {
  const listeners = ['--api-listen', '127.0.0.1:0', '--ops-listen', '127.0.0.1:0'];
  const child = spawnCognitod(['agent', '--json', '--quiet', ...listeners, ...(options.args ?? [])], options);
  child.stdin!.end();
  const ended = collect(child);
  const lines = createInterface({ input: child.stdout! });
  const started = await new Promise<Record<string, unknown>>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error('the agent did not start in time'));
    }, START_TIMEOUT_MS);
    lines.on('line', (line) => {
      const record = JSON.parse(line);
      if (record.type !== 'started') return;
      clearTimeout(timer);
      resolve(record);
    });
    ended.then((end) => {
      clearTimeout(timer);
      reject(new Error(`the agent ended with ${end.code ?? end.signal}: ${end.stderr}`));
    });
  });
  const api = String(started.apiAddress);
  const ops = String(started.opsAddress);
  return {
    pid: child.pid!,
    api,
    ops,
    started,
    ended,
    status: async () => (await fetch(`${api}/api/v1/status`)).json() as Promise<StatusJson>,
    async ready() {
      const response = await fetch(`${ops}/readyz`);
      return { status: response.status, body: (await response.json()) as ReadyJson };
    },
    metrics: async () => (await fetch(`${ops}/metrics`)).text(),
    kill: (signal) => send(child, signal),
    async stop() {
      send(child, 'SIGTERM');
      const end = await ended;
      const last = end.stdout.trimEnd().split('\n').at(-1) ?? '{}';
      return { ...end, ledger: JSON.parse(last).ledger };
    },
  };
}

/** A program that starts the agent as its child (unshare --fork) does not pass signals on. */
function send(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const [only] = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').split(' ');
  if (only) process.kill(Number(only), signal);
  else child.kill(signal);
}

export interface EventClient {
  readonly events: EventJson[];
  /** Lines that are no events: gaps. */
  readonly gaps: Record<string, unknown>[];
  /** Resolves when the condition holds; rejects after the time. */
  until(condition: (events: readonly EventJson[]) => boolean, timeoutMs?: number): Promise<void>;
  stop(): Promise<Ended>;
}

/** `cognitod stream --json`, connected. */
export async function openStream(
  agent: Pick<RunningAgent, 'api'>,
  args: string[] = [],
): Promise<EventClient> {
  const child = spawn(COGNITOD, ['stream', '--json', '--ready-fd', '3', '--api', agent.api, ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const events: EventJson[] = [];
  const gaps: Record<string, unknown>[] = [];
  const waiting = new Set<() => void>();
  let stopping = false;
  createInterface({ input: child.stdout! }).on('line', (line) => {
    // Killed in the middle of a line.
    if (stopping) return;
    const record = JSON.parse(line);
    if (record.type === 'gap') gaps.push(record);
    else events.push(record);
    for (const wake of waiting) wake();
  });
  let stderr = '';
  child.stderr!.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<Ended>((resolve) =>
    child.on('close', (code) => resolve({ code, stdout: '', stderr })),
  );
  await new Promise<void>((resolve, reject) => {
    child.stdio[3]!.once('data', () => resolve());
    ended.then((end) => reject(new Error(`the stream ended with ${end.code}: ${end.stderr}`)));
  });
  return {
    events,
    gaps,
    until(condition, timeoutMs = 30_000 * PATIENCE) {
      return new Promise((resolve, reject) => {
        const check = () => {
          if (!condition(events)) return;
          waiting.delete(check);
          clearTimeout(timer);
          resolve();
        };
        const timer = setTimeout(() => {
          waiting.delete(check);
          reject(new Error(`not seen in ${timeoutMs} ms; ${events.length} events were`));
        }, timeoutMs);
        waiting.add(check);
        check();
      });
    },
    stop() {
      stopping = true;
      child.kill('SIGTERM');
      return ended;
    },
  };
}
