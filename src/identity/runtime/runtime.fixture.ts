// Runtimes that say what a test wants, over real sockets, with the faults of real ones.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server as HttpServer, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { loadPackageDefinition, Server, ServerCredentials, status } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

export interface FakeContainer {
  readonly id: string;
  readonly podUid: string;
  readonly name: string;
  readonly image: string;
  /** A list tells the image's id instead of its name, as of what a kubelet since 1.28 started. */
  readonly listedById?: boolean;
  readonly running: boolean;
  readonly startedAt: string;
}

/** `no-api`: something else listens. `hang`: no answer ever. `no-starts`: lists, but hangs when asked for one. */
export type Fault = 'no-api' | 'hang' | 'no-starts';

/** Read anew at every call. Lists come in a new order each time, as from containerd. */
export class FakeState {
  pods: { readonly uid: string; readonly name: string; readonly labels: Record<string, string> }[] = [];
  containers: FakeContainer[] = [];
  fault: Fault | null = null;
  /** Delay of every list. */
  delayMs = 0;
  /** Begin of every list of containers, in monotonic milliseconds. */
  readonly listsMs: number[] = [];
  /** Ids that were asked for their start. */
  readonly startsAsked: string[] = [];

  listed<T>(items: readonly T[]): T[] {
    return [...items].reverse().sort(() => Math.random() - 0.5);
  }
}

export interface FakeRuntime {
  readonly socket: string;
  readonly state: FakeState;
  listen(): Promise<void>;
  stop(): Promise<void>;
}

export type OpenFake = (t: TestContext) => FakeRuntime;

export function tempDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'cognitod-runtime-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export async function until(holds: () => boolean, what: string, timeoutMs = 20_000): Promise<void> {
  for (const end = performance.now() + timeoutMs; !holds(); ) {
    if (performance.now() > end) throw new Error(`in ${timeoutMs} ms not: ${what}`);
    await sleep(10);
  }
}

export const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

// biome-ignore lint/suspicious/noExplicitAny: the package is made at run time
const cri: any = loadPackageDefinition(
  loadSync(join(import.meta.dirname, 'cri.proto'), { keepCase: true, defaults: true }),
);

type Done = (error: object | null, answer?: object) => void;

export const openFakeCri: OpenFake = (t) => {
  const socket = join(tempDirectory(t), 'cri.sock');
  const state = new FakeState();
  let server: Server | undefined;
  const answer = async (done: Done, make: () => object, delayMs = state.delayMs) => {
    if (state.fault === 'no-api') return done({ code: status.UNIMPLEMENTED, details: 'unknown service' });
    if (state.fault === 'hang') return;
    await sleep(delayMs);
    done(null, make());
  };
  const service = {
    Version: (_: unknown, done: Done) =>
      void answer(done, () => ({ runtime_name: 'fake', runtime_version: '1.2.3' })),
    ListContainers: (_: unknown, done: Done) => {
      state.listsMs.push(performance.now());
      void answer(done, () => ({ containers: state.listed(state.containers).map(criContainer) }));
    },
    ListPodSandbox: (_: unknown, done: Done) =>
      void answer(done, () => ({ items: state.listed(state.pods).map(criSandbox) })),
    ContainerStatus: ({ request }: { request: { container_id: string } }, done: Done) => {
      state.startsAsked.push(request.container_id);
      if (state.fault === 'no-starts') return;
      const found = state.containers.find(({ id }) => id === request.container_id);
      if (found === undefined) return done({ code: status.NOT_FOUND, details: 'no such container' });
      const started_at = String(BigInt(Date.parse(found.startedAt)) * 1_000_000n);
      const image = { image: found.image };
      void answer(done, () => ({ status: { id: found.id, started_at, image } }), 0);
    },
  };
  const stop = async () => server?.forceShutdown();
  t.after(stop);
  return {
    socket,
    state,
    stop,
    listen: async () => {
      rmSync(socket, { force: true });
      server = new Server();
      server.addService(cri.runtime.v1.RuntimeService.service, service);
      await new Promise<void>((resolve, reject) =>
        server!.bindAsync(`unix://${socket}`, ServerCredentials.createInsecure(), (error) =>
          error === null ? resolve() : reject(error),
        ),
      );
    },
  };
};

const IMAGE_ID = `sha256:${'1'.repeat(64)}`;

const criSandbox = ({ uid, name, labels }: FakeState['pods'][number]) => ({
  id: `sandbox-of-${uid}`,
  metadata: { name, uid, namespace: 'shop' },
  labels: { ...labels, 'io.kubernetes.pod.name': name },
});

const criContainer = ({ id, podUid, name, image, running, listedById }: FakeContainer) => ({
  id,
  pod_sandbox_id: `sandbox-of-${podUid}`,
  metadata: { name, attempt: 0 },
  image: { image: listedById ? IMAGE_ID : image },
  image_ref: `sha256:${image}`,
  state: running ? 1 : 2,
  annotations: { 'io.kubernetes.container.restartCount': '3' },
});

export interface FakeDocker extends FakeRuntime {
  /** Answers instead of the list, when a test sets it. */
  answer: ((response: ServerResponse) => void) | null;
}

export const openFakeDocker = (t: TestContext): FakeDocker => {
  const socket = join(tempDirectory(t), 'docker.sock');
  const state = new FakeState();
  let server: HttpServer | undefined;
  const send = (response: ServerResponse, code: number, body: unknown) => {
    response.writeHead(code, { 'content-type': 'application/json' });
    // In pieces, as Docker does with long lists.
    const text = JSON.stringify(body);
    response.write(text.slice(0, text.length / 2));
    response.end(text.slice(text.length / 2));
  };
  const list = () => [
    ...state.pods.map(({ uid, name, labels }) => ({
      Id: `sandbox-of-${uid}`,
      Names: [`/k8s_POD_${name}`],
      State: 'running',
      Labels: { ...labels, ...kubelet(uid), 'io.kubernetes.docker.type': 'podsandbox' },
    })),
    ...state.containers.map(({ id, podUid, name, image, running, listedById }) => ({
      Id: id,
      Names: [`/k8s_${name}`],
      Image: listedById ? IMAGE_ID : image,
      ImageID: `sha256:${image}`,
      State: running ? 'running' : 'exited',
      Labels: {
        ...kubelet(podUid),
        'io.kubernetes.container.name': name,
        'annotation.io.kubernetes.container.restartCount': '3',
      },
    })),
  ];
  const kubelet = (uid: string) => ({
    'io.kubernetes.pod.uid': uid,
    'io.kubernetes.pod.name': state.pods.find((pod) => pod.uid === uid)?.name ?? '',
    'io.kubernetes.pod.namespace': 'shop',
  });
  const fake: FakeDocker = {
    socket,
    state,
    answer: null,
    stop: async () => {
      server?.closeAllConnections();
      await new Promise<void>((resolve) => (server?.listening ? server.close(() => resolve()) : resolve()));
    },
    listen: async () => {
      rmSync(socket, { force: true });
      server = createServer(async ({ url = '' }, response) => {
        if (url === '/version' && state.fault === null)
          return send(response, 200, { Version: '1.2.3', Platform: { Name: 'fake' } });
        const id = /^\/containers\/(.+)\/json$/.exec(url)?.[1];
        if (id === undefined) state.listsMs.push(performance.now());
        else state.startsAsked.push(decodeURIComponent(id));
        if (state.fault === 'no-api') return send(response, 404, { message: 'page not found' });
        if (state.fault === 'hang' || (state.fault === 'no-starts' && id !== undefined)) return;
        if (id !== undefined) {
          const found = state.containers.find((container) => container.id === decodeURIComponent(id));
          return send(response, found ? 200 : 404, {
            State: { StartedAt: found?.startedAt },
            Config: { Image: found?.image },
          });
        }
        await sleep(state.delayMs);
        if (fake.answer !== null) fake.answer(response);
        else send(response, 200, state.listed(list()));
      });
      await new Promise<void>((resolve) => server!.listen(socket, resolve));
    },
  };
  t.after(() => fake.stop());
  return fake;
};
