// Tells the hash of each record as an event of Kubernetes, where nobody on the node can take it back: the account needs to create
// events and neither to change nor to delete them.
import { type chosenTarget, KubeClient, type KubeTimes } from '../identity/index.ts';

export interface AnchorOptions {
  readonly target: NonNullable<ReturnType<typeof chosenTarget>>;
  readonly times: Required<KubeTimes>;
  readonly namespace: string;
  readonly node: string;
}

/** A record that was made. */
export interface AnchoredRecord {
  readonly sequence: number;
  readonly reason: string;
  readonly hash: string;
  /** When it was made, RFC 3339. */
  readonly to: string;
}

/** As it stands in the log and in events; `cognitod evidence verify --anchor` reads it. */
export const anchorText = ({ sequence, reason, hash }: AnchoredRecord, node: string): string =>
  `evidence record ${sequence} (${reason}) of ${node}: ${hash}`;

/** Rejects with an Error that says what the API answered, or a KubeFailure without an answer. */
export async function createAnchorEvent(options: AnchorOptions, record: AnchoredRecord): Promise<void> {
  const { namespace, node } = options;
  const client = new KubeClient(options.target, options.times, () => {});
  const body = {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { generateName: 'cognitod-evidence-', namespace },
    // Of the node, in the namespace of the event as validation wants it.
    involvedObject: { apiVersion: 'v1', kind: 'Node', name: node, namespace },
    type: 'Normal',
    reason: 'EvidenceRecord',
    message: anchorText(record, node),
    source: { component: 'cognitod', host: node },
    firstTimestamp: record.to.replace(/\.\d+Z$/, 'Z'),
    lastTimestamp: record.to.replace(/\.\d+Z$/, 'Z'),
    count: 1,
  };
  try {
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/events`;
    const { status } = await client.change(path, { method: 'POST', body });
    if (status === 403) throw new Error('the account may not create events in its namespace');
    if (status !== 201) throw new Error(`the API answers ${status}`);
  } finally {
    client.close();
  }
}

/** The newest wait: each hash stands for all records before it. */
const MOST_WAITING = 100;

/** Records whose hashes still have to go out, oldest first. */
export class AnchorQueue {
  readonly #send: (record: AnchoredRecord) => Promise<void>;
  #waiting: AnchoredRecord[] = [];
  #sent = 0;
  #sending: Promise<void> | undefined;

  constructor(send: (record: AnchoredRecord) => Promise<void>) {
    this.#send = send;
  }

  /** Number of the last record that went out; 0 before any. */
  get sent(): number {
    return this.#sent;
  }

  add(record: AnchoredRecord): void {
    this.#waiting = [...this.#waiting, record].slice(-MOST_WAITING);
  }

  /** Sends what waits; who asks meanwhile waits for the same. Rejects at the first that cannot be sent; it waits on. */
  flush(): Promise<void> {
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
    return this.#sending;
  }

  async #sendAll(): Promise<void> {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      await this.#send(next);
      this.#sent = next.sequence;
      this.#waiting = this.#waiting.filter((record) => record !== next);
    }
  }
}
