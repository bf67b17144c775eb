// The authority that the API server checks our certificate with, in our MutatingWebhookConfiguration.
import {
  fieldsOf,
  type KubeClient,
  listOf,
  parseFields,
  statusFailure,
  textOf,
} from '../../identity/kube/index.ts';
import { Conflict } from './secret.ts';

const COLLECTION = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';
const RESOURCE = 'mutatingwebhookconfigurations';

export interface ReadConfiguration {
  readonly resourceVersion: string;
  /** Names of its webhooks and the authorities in PEM that they have now. */
  readonly webhooks: readonly { readonly name: string; readonly authorities: string }[];
}

export class WebhookConfiguration {
  readonly #client: KubeClient;
  readonly #path: string;

  constructor(client: KubeClient, name: string) {
    this.#client = client;
    this.#path = `${COLLECTION}/${encodeURIComponent(name)}`;
  }

  /** Null when there is none. Rejects with a KubeFailure. */
  async read(): Promise<ReadConfiguration | null> {
    const answer = await this.#client.get(this.#path);
    if (answer.status === 404) return null;
    if (answer.status !== 200) throw statusFailure(this.#client.endpoint, `get ${RESOURCE}`, answer);
    const object = fieldsOf(parseFields(answer.body));
    return {
      resourceVersion: String(fieldsOf(object.metadata).resourceVersion ?? ''),
      webhooks: listOf(object.webhooks).flatMap(({ name, clientConfig }) => {
        const { caBundle } = fieldsOf(clientConfig);
        const authorities = Buffer.from(typeof caBundle === 'string' ? caBundle : '', 'base64').toString();
        return textOf(name) === null ? [] : [{ name: name as string, authorities }];
      }),
    };
  }

  /** Rejects with a Conflict when it is no longer as `before`, otherwise with a KubeFailure. */
  async write(authorities: string, before: ReadConfiguration): Promise<void> {
    const caBundle = Buffer.from(authorities).toString('base64');
    const answer = await this.#client.change(this.#path, {
      method: 'PATCH',
      contentType: 'application/strategic-merge-patch+json',
      body: {
        metadata: { resourceVersion: before.resourceVersion },
        webhooks: before.webhooks.map(({ name }) => ({ name, clientConfig: { caBundle } })),
      },
    });
    if (answer.status === 409) throw new Conflict();
    if (answer.status !== 200) throw statusFailure(this.#client.endpoint, `patch ${RESOURCE}`, answer);
  }
}
