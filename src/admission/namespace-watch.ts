// What namespaces say, kept by a watch; a namespace that the watch has not told yet is asked for by its name.
import {
  type Fields,
  fieldsOf,
  KubeClient,
  type KubeTarget,
  KubeFailure,
  KUBE_TIMES,
  type KubeTimes,
  ObjectFeed,
  parseFields,
  statusFailure,
  textOf,
} from '../identity/kube/index.ts';
import type { NamespaceAnswer, NamespaceFacts } from './decision.ts';
import { INJECT_ANNOTATION } from './names.ts';

/** Of OpenShift, on each namespace. */
const UID_RANGE_ANNOTATION = 'openshift.io/sa.scc.uid-range';
const ENFORCE_LABEL = 'pod-security.kubernetes.io/enforce';
/** The API server waits two seconds for the whole review. */
const ASK_MS = 1_000;
/** After a failure nothing is asked for a while, so that reviews stay fast. */
const REST_MS = 5_000;
const PATH = '/api/v1/namespaces';

interface Named {
  readonly name: string;
  readonly facts: NamespaceFacts;
}

export interface NamespaceWatchOptions {
  readonly target: KubeTarget;
  /** Takes what a person should read, once per reason. */
  readonly warn: (text: string) => void;
  readonly times?: KubeTimes;
}

export class NamespaceWatch {
  readonly #client: KubeClient;
  /** For single questions: its silence is shorter than that of a watch. */
  readonly #asker: KubeClient;
  readonly #feed: ObjectFeed<Named>;
  readonly #warn: (text: string) => void;
  #known = new Map<string, NamespaceFacts>();
  readonly #asking = new Map<string, Promise<NamespaceAnswer>>();
  #running: Promise<void> | undefined;
  /** Why the watch does not work now; null while it does. */
  #reason: string | null = 'the namespaces were not read yet';
  #restUntilMs = 0;
  #restReason = '';

  constructor({ target, warn, times }: NamespaceWatchOptions) {
    const all = { ...KUBE_TIMES, ...times };
    this.#client = new KubeClient(target, all, () => {});
    this.#asker = new KubeClient(target, { ...all, connectMs: ASK_MS, answerIdleMs: ASK_MS }, () => {});
    this.#warn = warn;
    this.#feed = new ObjectFeed(this.#client, { name: 'namespaces', path: PATH }, all, {
      parse: parseNamespace,
      listed: (list) => {
        this.#known = new Map(list.map(({ name, facts }) => [name, facts]));
        this.#reason = null;
      },
      changed: ({ name, facts }) => void this.#known.set(name, facts),
      deleted: ({ name }) => void this.#known.delete(name),
      answered: () => {},
      interrupted: () => {},
      failed: ({ message }) => this.#fail(message),
    });
  }

  start(): void {
    this.#running ??= this.#feed.run();
  }

  /** Why namespaces cannot be followed; null when they are. What is known already is still used. */
  get reason(): string | null {
    return this.#reason;
  }

  get size(): number {
    return this.#known.size;
  }

  /** At once for a namespace that is known; otherwise within about a second. Never rejects. */
  lookUp(name: string): NamespaceAnswer | Promise<NamespaceAnswer> {
    const facts = this.#known.get(name);
    if (facts !== undefined) return { known: true, facts };
    if (performance.now() < this.#restUntilMs) return { known: false, reason: this.#restReason };
    let asking = this.#asking.get(name);
    if (asking === undefined) {
      asking = this.#ask(name).finally(() => this.#asking.delete(name));
      this.#asking.set(name, asking);
    }
    return asking;
  }

  async close(): Promise<void> {
    this.#asker.close();
    this.#client.close();
    await this.#running;
  }

  async #ask(name: string): Promise<NamespaceAnswer> {
    try {
      const answer = await within(ASK_MS, this.#asker.get(`${PATH}/${encodeURIComponent(name)}`));
      if (answer.status !== 200) throw statusFailure(this.#asker.endpoint, 'get namespaces', answer);
      const found = parseNamespace(fieldsOf(parseFields(answer.body)));
      if (found?.name !== name)
        throw new Error(`${this.#asker.endpoint} gives no namespace when asked for one`);
      this.#known.set(name, found.facts);
      return { known: true, facts: found.facts };
    } catch (error) {
      const { message } = error as Error;
      // A namespace that is gone says nothing about the next question.
      if (!(error instanceof KubeFailure && error.httpStatus === 404)) {
        this.#restUntilMs = performance.now() + REST_MS;
        this.#restReason = message;
      }
      return { known: false, reason: message };
    }
  }

  #fail(message: string): void {
    if (this.#reason !== message)
      this.#warn(
        `namespaces cannot be followed, so only annotations of pods and what is known count: ${message}`,
      );
    this.#reason = message;
  }
}

function parseNamespace(object: Fields): Named | null {
  const { name, annotations, labels } = fieldsOf(object.metadata);
  if (textOf(name) === null) return null;
  const facts = {
    inject: textOf(fieldsOf(annotations)[INJECT_ANNOTATION]),
    enforce: textOf(fieldsOf(labels)[ENFORCE_LABEL]),
    uidRange: textOf(fieldsOf(annotations)[UID_RANGE_ANNOTATION]),
  };
  return { name: name as string, facts };
}

async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  const { promise: limit, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer in ${ms} ms`)), ms);
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}
