// The one error type of the project and the registry of its stable codes.

/**
 * Every code that a user can meet, with what it means. `docs/errors.md` lists the same codes
 * (a test keeps the two equal); codes are never renamed or reused.
 */
export const ERROR_CODES = {
  CONFIG_INVALID: 'the configuration does not match the schema',
  CONFIG_UNREADABLE: 'the configuration file cannot be read or parsed',
  NOT_PRIVILEGED: 'the process lacks the privilege that the kernel collector needs',
  BPF_UNAVAILABLE: 'the kernel refuses or lacks BPF, or libbpf cannot be loaded',
  BTF_MISSING: 'the kernel offers no BTF and no BTF file was given',
  LAYOUT_MISMATCH: 'the BPF object and the generated decoder describe different records',
  LISTEN_FAILED: 'a listener cannot be opened',
  TLS_UNUSABLE: 'the certificate of a listener cannot be used',
  TOKEN_REQUIRED: 'a listener outside loopback needs a token',
  TOKEN_UNREADABLE: 'the token file cannot be read or is empty',
  API_UNREACHABLE: 'the agent does not answer at the given address',
  API_REFUSED: 'the agent refused the request',
  NOT_FOUND: 'there is no such process or route',
  USAGE: 'the command line is wrong',
  BAD_REQUEST: 'a request parameter is wrong',
  UNAUTHORIZED: 'the request carries no valid token',
  FORBIDDEN: 'whoever asks may not do this',
  HOST_REFUSED: 'the request names a host that the agent does not answer for',
  ORIGIN_REFUSED: 'the request comes from a page of another origin',
  RATE_LIMITED: 'this peer asks too often',
  METHOD_NOT_ALLOWED: 'the route does not take this HTTP method',
  STREAMS_UNAVAILABLE: 'the agent takes no more event streams now',
  INTERNAL: 'the agent failed; this is a bug',
  OUTPUT_FAILED: 'standard output cannot be written',
  EVIDENCE_UNWRITABLE: 'the records of evidence cannot be written where they should be',
  EVIDENCE_KEY: 'the key that signs the records of evidence cannot be used',
  PROC_UNREADABLE: 'the process file system cannot be read',
  PROC_NOT_HOST: 'the process file system is that of a container, not that of the node',
  TIME_NAMESPACE: 'the agent is in a time namespace that it cannot allow for',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/**
 * An error with a stable code. `message` tells a person what failed and why; `hint` what to do about it.
 * Expected failures of the data path (a bad record, an unknown pod) are values and counters, not errors.
 */
export class CognitodError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'CognitodError';
    this.code = code;
    this.hint = options.hint;
  }
}
