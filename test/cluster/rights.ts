// Who may do what in the cluster, asked of its API server in the name of each.
import { NAMESPACE } from '../../scripts/helm.ts';
import type { Kubectl } from './kubectl.ts';

export interface Right {
  readonly who: readonly string[];
  readonly verb: string;
  readonly resource: string;
  readonly namespace: string;
  readonly may: boolean;
}

const AGENT = ['--as=system:serviceaccount:linnix-observability:cognitod'];
const PLATFORM = ['--as=alice', '--as-group=platform-team', '--as-group=system:authenticated'];
const DEVELOPER = ['--as=bob', '--as-group=developers', '--as-group=system:authenticated'];
const NEIGHBOUR = ['--as=system:serviceaccount:linnix-observability:default'];

const rights = (who: readonly string[], may: boolean, namespace: string, ...requests: string[]): Right[] =>
  requests.map((request) => {
    const [verb, resource] = request.split(' ') as [string, string];
    return { who, verb, resource, namespace, may };
  });

/** With modes A and B. */
export const AGENT_RIGHTS: readonly Right[] = [
  ...rights(
    AGENT,
    true,
    'default',
    'list pods',
    'watch pods',
    'get replicasets.apps',
    'get jobs.batch',
    'get replicationcontrollers',
  ),
  ...rights(
    AGENT,
    false,
    'default',
    'get secrets',
    'list secrets',
    'create pods',
    'delete pods',
    'create pods/exec',
  ),
  ...rights(
    AGENT,
    false,
    'default',
    'list replicasets.apps',
    'update jobs.batch',
    'create events',
    'get nodes',
  ),
  ...rights(
    AGENT,
    false,
    NAMESPACE,
    'get secrets',
    'update configmaps/cognitod',
    'patch daemonsets.apps',
    'get configmaps/cognitod',
  ),
  ...rights(
    PLATFORM,
    true,
    NAMESPACE,
    'get configmaps/cognitod',
    'update configmaps/cognitod',
    'patch configmaps/cognitod',
  ),
  ...rights(
    PLATFORM,
    false,
    NAMESPACE,
    'delete configmaps/cognitod',
    'update configmaps/other',
    'get secrets',
    'patch daemonsets.apps',
    'create pods',
  ),
  ...rights(PLATFORM, false, 'default', 'update configmaps/cognitod', 'list pods'),
  ...[DEVELOPER, NEIGHBOUR].flatMap((who) =>
    rights(
      who,
      false,
      NAMESPACE,
      'get configmaps/cognitod',
      'update configmaps/cognitod',
      'patch configmaps/cognitod',
      'get secrets',
    ),
  ),
];

/** With mode C. */
export const WEBHOOK_RIGHTS: readonly Right[] = [
  ...rights(AGENT, true, 'default', 'get namespaces', 'list namespaces', 'watch namespaces'),
  ...rights(
    AGENT,
    true,
    NAMESPACE,
    'get secrets/cognitod-admission-tls',
    'patch secrets/cognitod-admission-tls',
  ),
  ...rights(
    AGENT,
    true,
    'default',
    'patch mutatingwebhookconfigurations.admissionregistration.k8s.io/cognitod-admission',
  ),
  ...rights(
    AGENT,
    false,
    NAMESPACE,
    'get secrets/other',
    'list secrets',
    'create secrets',
    'delete secrets/cognitod-admission-tls',
  ),
  ...rights(
    AGENT,
    false,
    'default',
    'get secrets/cognitod-admission-tls',
    'list pods',
    'patch pods',
    'update namespaces',
  ),
  ...rights(
    AGENT,
    false,
    'default',
    'patch mutatingwebhookconfigurations.admissionregistration.k8s.io/other',
    'create mutatingwebhookconfigurations.admissionregistration.k8s.io',
  ),
];

/** Events, when they are enabled. */
export const EVENT_RIGHTS: readonly Right[] = rights(
  AGENT,
  true,
  'default',
  'create events.events.k8s.io',
  'patch events.events.k8s.io',
);

/** The rights that are not as they should be, in words. */
export async function wrongRights(kubectl: Kubectl, wanted: readonly Right[]): Promise<string[]> {
  const wrong: string[] = [];
  for (const { who, verb, resource, namespace, may } of wanted) {
    const args = ['auth', 'can-i', verb, resource, '--namespace', namespace, ...who];
    // It ends with 1 for «no».
    const answer = await kubectl(args).catch((error: Error) => error.message);
    const allowed = answer.trim() === 'yes';
    if (allowed !== may)
      wrong.push(
        `${who[0]} ${may ? 'may not' : 'may'} ${verb} ${resource} in ${namespace}: ${answer.trim()}`,
      );
  }
  return wrong;
}
