// Runs the built image in a real containerd, as a kubelet would.
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ReadyJson, StatusJson } from '../../src/api/index.ts';
import type { Containerd } from '../e2e/containerd.ts';
import type { ContainerSpec, Pod, SecuritySpec } from '../e2e/cri.ts';
import { PATIENCE } from '../support/patience.ts';

const START_TIMEOUT_MS = 30_000 * PATIENCE;

export interface ImageRun {
  readonly image: string;
  readonly args?: readonly string[];
  /** Instead of the image's entry point. */
  readonly command?: readonly string[];
  /** Left out: the runtime's default capabilities, and the image's own user. */
  readonly security?: SecuritySpec;
  readonly hostPid?: boolean;
  readonly sharePid?: boolean;
  readonly mounts?: ContainerSpec['mounts'];
  readonly env?: Record<string, string>;
}

export interface RunningContainer {
  readonly pod: Pod;
  readonly containerId: string;
  /** Lines that it printed so far. */
  lines(stream: 'stdout' | 'stderr'): string[];
  /** Resolves when a line matches: the two streams arrive independently. Rejects after 10 s. */
  until(stream: 'stdout' | 'stderr', pattern: RegExp): Promise<void>;
  /** When StartContainer was called, by performance.now. */
  readonly calledAt: number;
  stop(): Promise<void>;
}

export function importImage({ socket }: Containerd, archive: string): void {
  execFileSync('ctr', ['-a', socket, '-n', 'k8s.io', 'image', 'import', archive], { stdio: 'pipe' });
}

/** A pod with this one container, started. */
export async function runImage({ cri }: Containerd, run: ImageRun): Promise<RunningContainer> {
  const logDirectory = mkdtempSync(join(tmpdir(), 'cognitod-image-logs-'));
  const pod = await cri.runPod({
    name: 'cognitod',
    namespace: 'linnix-observability',
    uid: randomUUID(),
    hostPid: run.hostPid ?? false,
    sharePid: run.sharePid ?? false,
    logDirectory,
  });
  const stop = async () => {
    await cri.removePod(pod);
    rmSync(logDirectory, { recursive: true, force: true });
  };
  try {
    const containerId = await cri.createContainer(pod, {
      name: 'agent',
      image: run.image,
      command: run.command ?? [],
      args: run.args ?? [],
      security: run.security ?? {},
      mounts: run.mounts ?? [],
      env: run.env ?? {},
    });
    const calledAt = performance.now();
    await cri.startContainer(containerId);
    const lines = (stream: 'stdout' | 'stderr') => readLog(join(logDirectory, 'agent.log'), stream);
    const until = async (stream: 'stdout' | 'stderr', pattern: RegExp) => {
      for (const end = Date.now() + 10_000; !lines(stream).some((line) => pattern.test(line)); ) {
        if (Date.now() > end) throw new Error(`${stream} has no ${pattern}: ${lines(stream).join('\n')}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    return { pod, containerId, lines, until, calledAt, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The image to its end. */
export async function runToEnd(
  containerd: Containerd,
  run: ImageRun,
): Promise<{ code: number; stdout: string[]; stderr: string[] }> {
  const container = await runImage(containerd, run);
  try {
    const code = await containerd.cri.waitContainer(container.containerId, START_TIMEOUT_MS);
    return { code, stdout: container.lines('stdout'), stderr: container.lines('stderr') };
  } finally {
    await container.stop();
  }
}

export interface ContainedAgent extends RunningContainer {
  readonly api: string;
  /** From StartContainer until it said that it has started. */
  readonly startMs: number;
  status(): Promise<StatusJson>;
  ready(): Promise<{ status: number; body: ReadyJson }>;
}

/** `agent` on free ports. Rejects with what it printed when it does not start. */
export async function runAgent(containerd: Containerd, run: ImageRun): Promise<ContainedAgent> {
  const listeners = ['--api-listen', '127.0.0.1:0', '--ops-listen', '127.0.0.1:0'];
  const args = ['agent', '--json', '--quiet', ...listeners, ...(run.args ?? [])];
  const container = await runImage(containerd, { ...run, args });
  for (const until = performance.now() + START_TIMEOUT_MS; performance.now() < until; ) {
    const line = container.lines('stdout').find((text) => text.includes('"type":"started"'));
    if (line !== undefined) {
      const { apiAddress: api, opsAddress: ops } = JSON.parse(line) as Record<string, string>;
      return {
        ...container,
        api: api!,
        startMs: performance.now() - container.calledAt,
        status: async () => (await fetch(`${api}/api/v1/status`)).json() as Promise<StatusJson>,
        async ready() {
          const response = await fetch(`${ops}/readyz`);
          return { status: response.status, body: (await response.json()) as ReadyJson };
        },
      };
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const said = container.lines('stderr').join('\n');
  await container.stop();
  throw new Error(`the agent did not start in its container: ${said}`);
}

/** A file of the CRI's log format: time, stream, P for a part or F for the end of a line, text. */
function readLog(file: string, stream: string): string[] {
  if (!existsSync(file)) return [];
  const lines = [''];
  for (const record of readFileSync(file, 'utf8').split('\n')) {
    const match = /^\S+ (stdout|stderr) ([PF]) (.*)$/.exec(record);
    if (match?.[1] !== stream) continue;
    lines[lines.length - 1] += match[3]!;
    if (match[2] === 'F') lines.push('');
  }
  return lines.slice(0, -1);
}
