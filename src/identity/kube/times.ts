// The delays and bounds of the Kubernetes source.

/** All in milliseconds unless named otherwise. Tests make them short. */
export interface KubeTimes {
  /** To a connection that can be used; 10 s. */
  readonly connectMs?: number;
  /** Without a byte of an answer other than a watch's; 60 s, for the API server gives up then too. */
  readonly answerIdleMs?: number;
  /** Without a byte of a watch; 90 s, for bookmarks come every minute. */
  readonly watchIdleMs?: number;
  /** A watch is asked to end after this long and up to twice as long; 240 s. */
  readonly watchSeconds?: number;
  /** A watch that ended sooner and brought nothing counts as a failure; 10 s. */
  readonly stableMs?: number;
  /** The first pause after a failure and the longest; 500 ms and 30 s. */
  readonly firstBackoffMs?: number;
  readonly maxBackoffMs?: number;
}

export const KUBE_TIMES: Required<KubeTimes> = {
  connectMs: 10_000,
  answerIdleMs: 60_000,
  watchIdleMs: 90_000,
  watchSeconds: 240,
  stableMs: 10_000,
  firstBackoffMs: 500,
  maxBackoffMs: 30_000,
};
