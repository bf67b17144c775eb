// Why the Kubernetes API could not be used: a state for the status, a sentence for a person.
import type { SourceState } from '../metadata/index.ts';

export type FailedState = Exclude<SourceState, 'ok' | 'starting'>;

/** `message` names what failed, why, and where it helps what to do; it never holds a credential. */
export class KubeFailure extends Error {
  readonly state: FailedState;
  /** Status of the answer; null when there was none. */
  readonly httpStatus: number | null;
  /** The least time to wait, as the server asked for. */
  readonly retryAfterMs: number;

  constructor(
    state: FailedState,
    message: string,
    options: { cause?: unknown; httpStatus?: number; retryAfterMs?: number } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = 'KubeFailure';
    this.state = state;
    this.httpStatus = options.httpStatus ?? null;
    this.retryAfterMs = options.retryAfterMs ?? 0;
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was cut',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'the host name cannot be looked up now',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  ETIMEDOUT: 'the connection timed out',
};

/** Node's and OpenSSL's codes for a certificate that is not accepted. */
const CERTIFICATE = /^(ERR_TLS_CERT|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|INVALID_CA|HOSTNAME_MISMATCH)/;

/** No answer, or one that broke off. */
export function transportFailure(endpoint: string, error: Error): KubeFailure {
  if (error instanceof KubeFailure) return error;
  const { code = '' } = error as NodeJS.ErrnoException;
  if (CERTIFICATE.test(code)) {
    const reason = `the certificate of ${endpoint} is not accepted: ${error.message} (${code}); check the certificate authority`;
    return new KubeFailure('misconfigured', reason, { cause: error });
  }
  if (code.startsWith('ERR_OSSL_') || code === 'ERR_INVALID_ARG_VALUE') {
    const reason = `the certificates for ${endpoint} cannot be used: ${error.message}`;
    return new KubeFailure('misconfigured', reason, { cause: error });
  }
  const reason = `${endpoint} does not answer: ${REASONS[code] ?? error.message}`;
  return new KubeFailure('unreachable', reason, { cause: error });
}

/** An answer other than 200. `doing` is e.g. `list pods`: the verb and the resource as RBAC names them. */
export function statusFailure(
  endpoint: string,
  doing: string,
  answer: { readonly status: number; readonly body: string; readonly retryAfterMs: number },
): KubeFailure {
  const { status, retryAfterMs } = answer;
  const said = messageOf(answer.body);
  const options = { httpStatus: status, retryAfterMs };
  if (status === 403) {
    const [verb, resource] = doing.split(' ');
    const fix = `give the agent's service account a ClusterRole with the verb ${verb} on ${resource}`;
    return new KubeFailure('no-permission', `${endpoint} forbids to ${doing}${said}; ${fix}`, options);
  }
  if (status === 401)
    return new KubeFailure(
      'unreachable',
      `${endpoint} does not accept the credentials (status 401)${said}`,
      options,
    );
  if (status === 429 || status >= 500)
    return new KubeFailure('unreachable', `${endpoint} fails to ${doing}: status ${status}${said}`, options);
  const reason = `${endpoint} does not answer like a Kubernetes API when asked to ${doing}: status ${status}${said}`;
  return new KubeFailure('misconfigured', reason, options);
}

/** The message of a Status object, fit for one line; empty without one. */
function messageOf(body: string): string {
  try {
    const { message } = JSON.parse(body) as { message?: unknown };
    return typeof message === 'string' ? `: ${message.replace(/[\x00-\x1f\x7f]+/g, ' ').slice(0, 300)}` : '';
  } catch {
    return '';
  }
}
