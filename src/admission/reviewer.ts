// Answers one review: from the request of the API server to the patch.
import { type DecisionRules, decide, type NamespaceAnswer, type Result } from './decision.ts';
import { injectionPatch, type PatchOperation } from './patch.ts';
import { parsePod } from './pod.ts';
import { type ReviewRequest, reviewAnswer } from './review.ts';
import { restorationPatch } from './restoration.ts';
import { type SidecarSettings, sidecarContainer } from './sidecar.ts';

export interface ReviewerOptions {
  /** Asked for each review: the version of the cluster becomes known later. */
  readonly rules: () => DecisionRules;
  readonly settings: SidecarSettings;
  readonly lookUp: (namespace: string) => NamespaceAnswer | Promise<NamespaceAnswer>;
}

export interface Reviewed {
  readonly result: Result;
  /** The AdmissionReview to send. */
  readonly answer: object;
}

const NOTHING: readonly PatchOperation[] = [];

/** Holds nothing and writes nothing, so a dry run is as any other. */
export async function review(request: ReviewRequest, options: ReviewerOptions): Promise<Reviewed> {
  const { uid, namespace, object } = request;
  const answer = (result: Result, patch: readonly PatchOperation[], warnings: readonly string[]) => ({
    result,
    answer: reviewAnswer(uid, patch, warnings),
  });
  if (request.type !== '/v1/Pod' || request.operation !== 'CREATE' || request.subResource !== '')
    return answer('no-pod-creation', NOTHING, []);
  const rules = options.rules();
  // Also a pod that cannot be read: nobody there asked for us.
  if (rules.excludedNamespaces.has(namespace)) return answer('excluded-namespace', NOTHING, []);
  const parsed = parsePod(object);
  if (parsed.pod === null)
    return answer('malformed-pod', NOTHING, [
      `no sidecar: this is no pod that can be read: ${parsed.problem}`,
    ]);
  const { pod } = parsed;
  const { result, plan, warnings } = await decide(pod, namespace, rules, options.lookUp);
  if (plan === null) return answer(result, NOTHING, warnings);
  const sidecar = sidecarContainer(pod, plan, options.settings);
  if (plan.own === null) return answer(result, injectionPatch(pod, plan, sidecar), warnings);
  const patch = restorationPatch(pod, object, plan.own, sidecar);
  if (patch.length === 0) return answer(result, patch, warnings);
  const paths = patch.map(({ path }) => path).join(' ');
  return answer('restored', patch, [...warnings, `the sidecar got back what another webhook took: ${paths}`]);
}
