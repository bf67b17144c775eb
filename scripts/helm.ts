// Runs helm on the chart, without a cluster.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
export const CHART = join(ROOT, 'deploy/chart/cognitod');
export const NAMESPACE = 'linnix-observability';

/** The program: `HELM`, or what scripts/setup fetched. */
export const HELM = process.env.HELM ?? join(ROOT, 'build/tools/helm');

/** Why there is no helm; false when there is one. */
export const cannotRunHelm = (): string | false =>
  existsSync(HELM)
    ? false
    : 'helm is not there (scripts/setup test fetches it on x86-64; HELM names another)';

export interface Rendering {
  readonly values?: string;
  /** As --set takes them. */
  readonly set?: readonly string[];
  readonly kubeVersion?: string;
  /** Beside those that every cluster of the version has. */
  readonly apis?: readonly string[];
}

/** The API of policies in CEL, in clusters from 1.30 on. */
export const POLICIES = 'admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy';

/** The manifests as YAML documents. Throws with helm's complaint. */
export function renderChart({
  values,
  set = [],
  kubeVersion = '1.33',
  apis = [POLICIES],
}: Rendering): string {
  return runHelm([
    'template',
    'cognitod',
    CHART,
    `--namespace=${NAMESPACE}`,
    `--kube-version=${kubeVersion}`,
    ...apis.map((api) => `--api-versions=${api}`),
    ...(values === undefined ? [] : [`--values=${values}`]),
    ...set.map((assignment) => `--set=${assignment}`),
  ]);
}

export const runHelm = (args: readonly string[]): string =>
  execFileSync(HELM, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 });
