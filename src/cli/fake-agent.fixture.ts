// For the tests of this folder: an HTTP server that answers as told, and command lines run in this process.
import { NOTHING_HELD } from '../api/privileges.fixture.ts';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable, Writable } from 'node:stream';
import type { TestContext } from 'node:test';
import type { EventJson, ProcessJson, StatusJson } from '../api/index.ts';
import { runCli } from './index.ts';
import type { AgentCommandOptions, CliDeps, ParsedCgroup } from './deps.ts';

export interface FakeAgent {
  readonly api: string;
  /** What was asked, in order. */
  readonly requests: IncomingMessage[];
}

/** Listens on a free port until the test ends. */
export async function fakeAgent(t: TestContext, answer: RequestListener): Promise<FakeAgent> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { api: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

/** Answers each path with a document; anything else is a 404 as the agent gives it. */
export function documents(byPath: Readonly<Record<string, unknown>>): RequestListener {
  return (request, response) => {
    const path = decodeURIComponent(new URL(request.url!, 'http://agent').pathname);
    if (path in byPath) sendJson(response, 200, byPath[path]);
    else sendProblem(response, 404, 'NOT_FOUND', 'there is no live process with this pid');
  };
}

export function sendJson(response: ServerResponse, status: number, document: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(typeof document === 'string' ? document : JSON.stringify(document));
}

export function sendProblem(response: ServerResponse, status: number, code: string, detail: string): void {
  response.writeHead(status, { 'content-type': 'application/problem+json; charset=utf-8' });
  response.end(JSON.stringify({ type: `urn:cognitod:error:${code}`, title: code, status, detail, code }));
}

export const READY =
  'event: ready\ndata: {"schema_version":1,"type":"ready","time":"2026-11-23T08:00:00Z"}\n\n';
export const record = (kind: string, data: unknown, id = 1) =>
  `id: ${id}\nevent: ${kind}\ndata: ${JSON.stringify(data)}\n\n`;

/** Answers with an event stream whose body is `text`; it ends only when told. */
export function sendStream(response: ServerResponse, text: string, end = false): void {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  response.write(text);
  if (end) response.end();
}

export interface RunOptions {
  readonly env?: Record<string, string>;
  readonly stdin?: Readable | string;
  readonly stdout?: Writable;
  readonly terminal?: { columns: number };
  readonly runAgent?: (options: AgentCommandOptions) => Promise<number>;
  readonly onStderr?: (text: string) => void;
  readonly parseCgroup?: (text: string) => ParsedCgroup;
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command line, run in this process. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const stdout = options.stdout ?? new Collector();
  const stderr = new Collector(options.onStderr);
  if (options.terminal !== undefined) Object.assign(stdout, { isTTY: true, ...options.terminal });
  const stdin = options.stdin ?? '';
  const deps: CliDeps = {
    stdin: typeof stdin === 'string' ? Readable.from([Buffer.from(stdin)]) : stdin,
    stdout,
    stderr,
    env: options.env ?? {},
    version: '1.2.3',
    runAgent: options.runAgent ?? (async () => 0),
    loadDoctor: () => Promise.reject(new Error('there is no doctor')),
    runAdmission: async () => 0,
    loadCgroupParser: async () => options.parseCgroup ?? fakeParser,
  };
  const code = await runCli(argv, deps);
  return { code, stdout: stdout instanceof Collector ? stdout.text : '', stderr: stderr.text };
}

const fakeParser = (text: string): ParsedCgroup => ({
  containerId: null,
  podUid: /pod([0-9a-f-]+)/.exec(text)?.[1] ?? null,
  runtime: null,
  qos: null,
  tags: [],
  unit: text,
});

/** Keeps what is written to it. */
export class Collector extends Writable {
  text = '';
  readonly #onText: ((text: string) => void) | undefined;

  constructor(onText?: (text: string) => void) {
    super({ decodeStrings: false });
    this.#onText = onText;
  }

  override _write(chunk: string | Buffer, _encoding: string, done: () => void): void {
    this.text += chunk;
    this.#onText?.(String(chunk));
    done();
  }
}

const CONTAINER = '4f5e6d7c8b9a'.padEnd(64, '0');
const POD = '1399d9c7-c86f-4371-8568-07b3d32258a4';

const identity = {
  container_id: CONTAINER,
  pod_uid: POD,
  runtime: 'containerd',
  qos: 'burstable',
  unit: null,
  cgroup_path: `/kubepods/burstable/pod${POD}/${CONTAINER}`,
  tags: [`k8s_pod:${POD}`, 'container:4f5e6d7c8b9a', 'cgroup:kubepods-burstable'],
  provenance: 'kernel-cgroup',
} as const;

export function sampleEvent(fields: Partial<EventJson> = {}): EventJson {
  return {
    schema_version: 1,
    type: 'exec',
    seq: 7,
    time: '2026-11-23T08:00:00.123456789Z',
    ktime_ns: 5_000_000_000,
    pid: 4211,
    ppid: 4000,
    process_id: '0a1b2c3d-38z-1abc',
    parent_process_id: '0a1b2c3d-334-1abb',
    uid: 1000,
    gid: 1000,
    euid: 1000,
    loginuid: null,
    session_id: null,
    cap_effective: '0000000000000000',
    pid_namespace: 4_026_531_836,
    mnt_namespace: null,
    cgroup_namespace: null,
    ns_pid: 12,
    cgroup_id: 99,
    cgroup_v1_id: null,
    comm: 'curl',
    executable: '/usr/bin/curl',
    argv: ['curl', '-s', 'http://example.org/'],
    kernel_thread: false,
    exec_seq: 1,
    ...identity,
    tags: [...identity.tags],
    source: 'ebpf',
    ...fields,
  };
}

export function sampleProcess(fields: Partial<ProcessJson> = {}): ProcessJson {
  return {
    schema_version: 1,
    process_id: '0a1b2c3d-38z-1abc',
    pid: 4211,
    ppid: 4000,
    parent_process_id: '0a1b2c3d-334-1abb',
    state: 'running',
    born: 'fork',
    start_time: '2026-11-23T08:00:00.000000000Z',
    start_ktime_ns: 5_000_000_000,
    exit_time: null,
    exit_code: null,
    exit_signal: null,
    exit_signal_name: null,
    uid: 1000,
    gid: 1000,
    euid: 1000,
    cap_effective: '0000000000000000',
    comm: 'curl',
    executable: '/usr/bin/curl',
    argv: ['curl', '-s', 'http://example.org/'],
    kernel_thread: false,
    ns_pid: 12,
    exec_seq: 1,
    children: 0,
    ...identity,
    tags: [...identity.tags],
    ...fields,
  };
}

export function sampleStatus(fields: Partial<StatusJson> = {}): StatusJson {
  const entry = { kernel: 1000, decoded: 1000, lost: 0, skipped: 0, pending: 0 };
  return {
    schema_version: 1,
    version: '1.2.3',
    node: 'node-1',
    boot_id: '0a1b2c3d-1111-2222-3333-444455556666',
    pid: 100,
    started_at: '2026-11-23T07:00:00.000Z',
    uptime_seconds: 3600,
    time_namespace_offset_seconds: 0,
    clock_step_seconds: 0,
    ready: true,
    reasons: [],
    collector: {
      kind: 'ebpf',
      reason: 'the kernel takes BPF programs',
      hooks: ['tp_btf/sched_process_fork'],
      programs: [],
      ring_bytes: 8 * 1024 * 1024,
      ring_used_bytes: 0,
      kernel: '6.18.0',
      btf: true,
      limits: [],
    },
    privileges: NOTHING_HELD,
    evidence: {
      kept_in: null,
      sequence: 3,
      head: 'e'.repeat(64),
      public_key: null,
      anchored: null,
      failed_writes: 0,
      losses: 0,
      problem: null,
    },
    tasks: [],
    ledger: {
      fork: entry,
      exec: entry,
      exit: entry,
      move: entry,
      cgroup: { decoded: 3, lost: 0 },
      containers: { seen: 30_000, attributed: 30_000, unknown_cgroup: 0, claimed: 0 },
      healed: { exit_unseen: 0, fork_unseen: 0, reopened: 0 },
      dropped: { exited: 0, live: 0, images: 0 },
    },
    decode_errors: {},
    processes: {
      running: 120,
      exited: 30,
      containers: 4,
      cgroups: 20,
      cgroups_claimed: 0,
      cgroups_truncated: 0,
    },
    metadata: {
      sources: [
        {
          name: 'kube-api',
          endpoint: 'https://10.96.0.1:443',
          state: 'unreachable',
          reason: 'connection refused',
          objects: 12,
          requests: 5,
          failures: 3,
          last_success: null,
        },
      ],
      pods: 12,
      containers: 20,
      gone: 2,
      unnamed: 1,
      contradicted: 0,
      inferred: 9,
      inferred_confirmed: 7,
      inferred_refuted: 0,
      held: 40,
      released_unnamed: 3,
      overflowed: 1,
      waiting: 0,
    },
    clients: 1,
    memory: { rss_bytes: 70_000_000, model_bytes: 1_000_000 },
    ...fields,
  };
}
