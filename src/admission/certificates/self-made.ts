// A certificate that is made and renewed here and shared by the replicas through a Secret.
//
// Each look does the same, whoever looks and whatever came before:
//   1. read the Secret; renew it when its certificate is missing, broken, for other names or soon over
//      (written only as it was read: of two replicas that renew, one reads again and takes what the other wrote)
//   2. put the authorities of the Secret into the webhook configuration where they are others, in an order that lets
//      no late writer put back older ones: read the configuration, then the Secret, then write the configuration
//   3. serve the certificate; a renewed one only after the API server had time to learn of its authority
// Authorities before the last stay in the Secret until they are over, for replicas that have not looked yet.
import { X509Certificate } from 'node:crypto';
import { pause } from '../../lib/backoff.ts';
import { issueCertificate } from './issue.ts';
import { checkPair, type Pair } from './pair.ts';
import { type CertificateSecret, Conflict, type ReadSecret, type SecretContent } from './secret.ts';
import type { CertificateListener, CertificateSource } from './source.ts';
import type { WebhookConfiguration } from './webhook-configuration.ts';

const DAY_MS = 86_400_000;
const ATTEMPTS = 10;
const MAX_AUTHORITIES = 5;

/** All in milliseconds. */
export interface SelfMadeTimes {
  /** Of a certificate; 90 days. */
  readonly lifetimeMs: number;
  /** It is renewed when less than this is left; 30 days. */
  readonly renewMs: number;
  /** Between two looks at the Secret; 30 s. */
  readonly lookMs: number;
  /** From a new authority in the webhook configuration to its certificate; 10 s. */
  readonly settleMs: number;
}

export const SELF_MADE_TIMES: SelfMadeTimes = {
  lifetimeMs: 90 * DAY_MS,
  renewMs: 30 * DAY_MS,
  lookMs: 30_000,
  settleMs: 10_000,
};

export interface SelfMadeOptions {
  readonly secret: CertificateSecret;
  readonly configuration: WebhookConfiguration;
  /** DNS names of the Service. */
  readonly names: readonly string[];
  readonly times?: Partial<SelfMadeTimes>;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

export class SelfMadeCertificate implements CertificateSource {
  readonly #options: SelfMadeOptions;
  readonly #times: SelfMadeTimes;
  readonly #now: () => number;
  readonly #closed = new AbortController();
  #running: Promise<void> | undefined;
  #served: Pair | null = null;
  #reason: string | null = null;

  constructor(options: SelfMadeOptions) {
    this.#options = options;
    this.#times = { ...SELF_MADE_TIMES, ...options.times };
    this.#now = options.now ?? Date.now;
  }

  get reason(): string | null {
    return this.#reason;
  }

  start(listener: CertificateListener): void {
    this.#running ??= this.#run(listener);
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await this.#running;
  }

  /** One look. Rejects with a KubeFailure, or an Error in words. */
  async look(listener: CertificateListener): Promise<void> {
    const read = await this.#retrying(() => this.#readOrRenew(listener));
    const published = await this.#retrying(() => this.#publish(listener));
    if (read.cert !== this.#served?.cert) {
      const pair = checkPair(read.cert, read.key);
      if (published === 'written' && this.#served !== null && this.#served.notAfterMs > this.#now())
        await pause(this.#times.settleMs, this.#closed.signal);
      this.#served = pair;
      listener.serve(pair);
      listener.info(`the certificate until ${new Date(pair.notAfterMs).toISOString()} is served`);
    }
    // E.g. while the release is being removed. A later look may find it.
    if (published === 'missing') throw new Error('there is no webhook configuration of this name');
  }

  async #run(listener: CertificateListener): Promise<void> {
    const { signal } = this.#closed;
    while (!signal.aborted) {
      try {
        await this.look(listener);
        this.#reason = null;
      } catch (error) {
        if (signal.aborted) return;
        const reason = `the certificate cannot be kept: ${(error as Error).message}`;
        if (this.#reason !== reason) listener.warn(reason);
        this.#reason = reason;
      }
      // Sooner while there is nothing to serve.
      await pause(this.#served === null ? this.#times.lookMs / 15 : this.#times.lookMs, signal);
    }
  }

  async #readOrRenew(listener: CertificateListener): Promise<SecretContent> {
    const { secret, names } = this.#options;
    const read = await secret.read();
    const fault = this.#faultOf(read);
    if (fault === null) return read;
    const issued = await issueCertificate(names, this.#now(), this.#times.lifetimeMs);
    const earlier = this.#valid(read.authorities).slice(0, MAX_AUTHORITIES - 1);
    const renewed = { ...issued, authorities: [issued.ca, ...earlier].join('') };
    await secret.write(renewed, read);
    listener.info(`a new certificate was made, because ${fault}`);
    return renewed;
  }

  async #publish(listener: CertificateListener): Promise<'missing' | 'same' | 'written'> {
    const { configuration, secret } = this.#options;
    const before = await configuration.read();
    if (before === null) return 'missing';
    const { authorities } = await secret.read();
    if (before.webhooks.every((webhook) => webhook.authorities === authorities)) return 'same';
    await configuration.write(authorities, before);
    listener.info('the authority of the certificate was written to the webhook configuration');
    return 'written';
  }

  /** Why the certificate has to be renewed; null when it has not. */
  #faultOf({ cert, key, authorities, resourceVersion }: ReadSecret): string | null {
    if (resourceVersion === null || cert === '') return 'there was none';
    try {
      const leaf = new X509Certificate(cert);
      const { notAfterMs } = checkPair(cert, key);
      const [authority] = this.#valid(authorities);
      if (authority === undefined || !leaf.verify(new X509Certificate(authority).publicKey))
        return 'the authority of the last one was missing';
      if (notAfterMs - this.#now() <= this.#times.renewMs) return 'the last one is soon over';
      if (Date.parse(leaf.validFrom) > this.#now()) return 'the last one was not valid yet';
      const missing = this.#options.names.find((name) => leaf.checkHost(name) === undefined);
      return missing === undefined ? null : `the last one was not for ${missing}`;
    } catch (error) {
      return (error as Error).message;
    }
  }

  /** Authorities that are not over, in PEM, in their order. */
  #valid(authorities: string): string[] {
    const blocks = authorities.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g) ?? [];
    return blocks.flatMap((block) => {
      try {
        const isOver = Date.parse(new X509Certificate(block).validTo) <= this.#now();
        return isOver ? [] : [block.endsWith('\n') ? block : `${block}\n`];
      } catch {
        return [];
      }
    });
  }

  async #retrying<T>(attempt: () => Promise<T>): Promise<T> {
    for (let left = ATTEMPTS; ; left--) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof Conflict)) throw error;
        if (left === 1) throw new Error('other writers are always faster', { cause: error });
        await pause(Math.random() * 200, this.#closed.signal);
      }
    }
  }
}
