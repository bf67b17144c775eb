// Reviews in a test, without a listener.
import type { DecisionRules, NamespaceAnswer } from './decision.ts';
import type { PatchOperation } from './patch.ts';
import { type ReviewOptions, aReview } from './pods.fixture.ts';
import { parseReview } from './review.ts';
import { review } from './reviewer.ts';
import type { SidecarSettings } from './sidecar.ts';

export const SETTINGS: SidecarSettings = {
  image: 'ghcr.io/linnix-os/cognitod:sidecar',
  pullPolicy: 'IfNotPresent',
  requests: { cpu: '20m', memory: '96Mi' },
  limits: { cpu: '200m', memory: '192Mi' },
  apiPort: 19_463,
  opsPort: 19_464,
};

export const QUIET: NamespaceAnswer = { known: true, facts: { inject: null, enforce: null, uidRange: null } };

export interface TestReview extends ReviewOptions {
  readonly rules?: Partial<DecisionRules>;
  readonly of?: NamespaceAnswer;
}

export interface Answer {
  readonly result: string;
  readonly patch: readonly PatchOperation[];
  readonly warnings: readonly string[];
}

export async function reviewPod(pod: unknown, options: TestReview = {}): Promise<Answer> {
  const parsed = parseReview(aReview(pod, options));
  if (!parsed.ok) throw new Error(parsed.problem);
  const { result, answer } = await review(parsed.request, {
    rules: () => ({
      excludedNamespaces: new Set(['kube-system']),
      native: true,
      ptrace: true,
      podSecurityDefault: 'privileged',
      ...options.rules,
    }),
    settings: SETTINGS,
    lookUp: () => options.of ?? QUIET,
  });
  return { result, ...readAnswer(answer) };
}

/** Throws when it is no answer that allows. */
export function readAnswer(answer: object): Omit<Answer, 'result'> {
  const { response } = answer as {
    response: { uid: string; allowed: boolean; patchType?: string; patch?: string; warnings?: string[] };
  };
  if (!response.allowed) throw new Error('a pod was denied');
  if ((response.patch === undefined) !== (response.patchType === undefined)) throw new Error('half a patch');
  const text = Buffer.from(response.patch ?? '', 'base64').toString();
  return { patch: text === '' ? [] : JSON.parse(text), warnings: response.warnings ?? [] };
}
