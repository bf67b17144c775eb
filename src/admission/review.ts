// AdmissionReview v1 of the API server: what is taken from a request, and how it is answered.
import { z } from 'zod';
import type { PatchOperation } from './patch.ts';

export const REVIEW_VERSION = 'admission.k8s.io/v1';

/** What other software puts beside these is not our concern. */
const reviewSchema = z.object({
  apiVersion: z.literal(REVIEW_VERSION),
  kind: z.literal('AdmissionReview'),
  request: z.object({
    uid: z.string().min(1).max(1024),
    kind: z.object({ group: z.string(), version: z.string(), kind: z.string() }),
    subResource: z.string().nullish(),
    namespace: z.string().nullish(),
    operation: z.string(),
    object: z.unknown(),
    dryRun: z.boolean().nullish(),
  }),
});

export interface ReviewRequest {
  /** Given back in the answer. */
  readonly uid: string;
  /** `group/version/kind`; the core group is empty: `/v1/Pod`. */
  readonly type: string;
  readonly subResource: string;
  readonly namespace: string;
  readonly operation: string;
  readonly object: unknown;
  readonly dryRun: boolean;
}

export type ParsedReview =
  | { readonly ok: true; readonly request: ReviewRequest }
  | { readonly ok: false; readonly problem: string };

/** What is wrong is said for whoever configured the caller. */
export function parseReview(body: unknown): ParsedReview {
  const parsed = reviewSchema.safeParse(body);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const path = issue?.path.join('.') ?? '';
    const where = path === '' ? '' : `${path}: `;
    return {
      ok: false,
      problem: `the body is no AdmissionReview ${REVIEW_VERSION}: ${where}${issue?.message}`,
    };
  }
  const { uid, kind, subResource, namespace, operation, object, dryRun } = parsed.data.request;
  return {
    ok: true,
    request: {
      uid,
      type: `${kind.group}/${kind.version}/${kind.kind}`,
      subResource: subResource ?? '',
      namespace: namespace ?? '',
      operation,
      object,
      dryRun: dryRun === true,
    },
  };
}

/** Longer ones may be cut by the API server, and all of one answer together too. */
const MAX_WARNING_LENGTH = 240;

/** Always allowed: this webhook adds, it never denies. */
export function reviewAnswer(
  uid: string,
  patch: readonly PatchOperation[],
  warnings: readonly string[],
): object {
  const encoded = Buffer.from(JSON.stringify(patch)).toString('base64');
  return {
    apiVersion: REVIEW_VERSION,
    kind: 'AdmissionReview',
    response: {
      uid,
      allowed: true,
      ...(patch.length === 0 ? {} : { patchType: 'JSONPatch', patch: encoded }),
      ...(warnings.length === 0
        ? {}
        : { warnings: warnings.map((text) => `cognitod: ${text}`.slice(0, MAX_WARNING_LENGTH)) }),
    },
  };
}
