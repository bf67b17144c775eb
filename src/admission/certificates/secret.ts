// The Secret with the certificate: read, and written only as it was read.
import {
  type Answer,
  fieldsOf,
  type KubeClient,
  type KubeFailure,
  parseFields,
  statusFailure,
} from '../../identity/kube/index.ts';

/** PEM; empty where there is none. */
export interface SecretContent {
  readonly cert: string;
  readonly key: string;
  /** The authority of `cert` first, then earlier ones that other replicas may still serve. */
  readonly authorities: string;
}

export interface ReadSecret extends SecretContent {
  /** Null when the Secret is not there. */
  readonly resourceVersion: string | null;
}

/** Somebody else wrote meanwhile: read again. */
export class Conflict extends Error {}

const CONTENT = { cert: 'tls.crt', key: 'tls.key', authorities: 'ca.crt' } as const;

export class CertificateSecret {
  readonly #client: KubeClient;
  readonly #namespace: string;
  readonly #name: string;

  constructor(client: KubeClient, namespace: string, name: string) {
    this.#client = client;
    this.#namespace = namespace;
    this.#name = name;
  }

  /** Rejects with a KubeFailure. */
  async read(): Promise<ReadSecret> {
    const answer = await this.#client.get(this.#path);
    if (answer.status === 404) return { cert: '', key: '', authorities: '', resourceVersion: null };
    if (answer.status !== 200) throw this.#failure('get', answer);
    const secret = fieldsOf(parseFields(answer.body));
    const data = fieldsOf(secret.data);
    const text = (key: string) => Buffer.from(String(data[key] ?? ''), 'base64').toString('utf8');
    return {
      cert: text(CONTENT.cert),
      key: text(CONTENT.key),
      authorities: text(CONTENT.authorities),
      resourceVersion: String(fieldsOf(secret.metadata).resourceVersion ?? ''),
    };
  }

  /** Rejects with a Conflict when it is no longer as `before`, otherwise with a KubeFailure. */
  async write(content: SecretContent, before: ReadSecret): Promise<void> {
    const base64 = (text: string) => Buffer.from(text).toString('base64');
    const data = {
      [CONTENT.cert]: base64(content.cert),
      [CONTENT.key]: base64(content.key),
      [CONTENT.authorities]: base64(content.authorities),
    };
    const isNew = before.resourceVersion === null;
    const answer = await (isNew
      ? this.#client.change(this.#collection, {
          method: 'POST',
          body: {
            apiVersion: 'v1',
            kind: 'Secret',
            type: 'Opaque',
            metadata: { name: this.#name, namespace: this.#namespace },
            data,
          },
        })
      : // A patch keeps labels and owners that others gave it.
        this.#client.change(this.#path, {
          method: 'PATCH',
          contentType: 'application/merge-patch+json',
          body: { metadata: { resourceVersion: before.resourceVersion }, data },
        }));
    if (answer.status === 409) throw new Conflict();
    if (answer.status !== 200 && answer.status !== 201)
      throw this.#failure(isNew ? 'create' : 'patch', answer);
  }

  #failure(verb: string, answer: Answer): KubeFailure {
    return statusFailure(this.#client.endpoint, `${verb} secrets`, answer);
  }

  get #collection(): string {
    return `/api/v1/namespaces/${encodeURIComponent(this.#namespace)}/secrets`;
  }

  get #path(): string {
    return `${this.#collection}/${encodeURIComponent(this.#name)}`;
  }
}
