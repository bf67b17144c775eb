// What is looked at of a pod. Everything else of it is neither read nor touched.
import { z } from 'zod';
import { SIDECAR_NAME } from './names.ts';

const container = z.object({
  name: z.string(),
  env: z.array(z.object({ name: z.string(), value: z.string().nullish() })).nullish(),
  volumeMounts: z.array(z.object({ name: z.string(), mountPath: z.string() })).nullish(),
  restartPolicy: z.string().nullish(),
  securityContext: z
    .object({
      runAsUser: z.number().nullish(),
      capabilities: z.object({ add: z.array(z.string()).nullish() }).nullish(),
    })
    .nullish(),
  ports: z.array(z.object({ containerPort: z.number().nullish() })).nullish(),
  resources: z
    .object({
      limits: z.record(z.string(), z.union([z.string(), z.number()])).nullish(),
      requests: z.record(z.string(), z.union([z.string(), z.number()])).nullish(),
    })
    .nullish(),
});

const podSchema = z.object({
  metadata: z.object({
    annotations: z.record(z.string(), z.string()).nullish(),
    ownerReferences: z.array(z.object({ kind: z.string() })).nullish(),
  }),
  spec: z.object({
    containers: z.array(container).min(1),
    initContainers: z.array(container).nullish(),
    volumes: z
      .array(
        z.object({
          name: z.string(),
          downwardAPI: z.object({ items: z.array(z.unknown()).nullish() }).nullish(),
        }),
      )
      .nullish(),
    automountServiceAccountToken: z.boolean().nullish(),
    shareProcessNamespace: z.boolean().nullish(),
    hostPID: z.boolean().nullish(),
    hostNetwork: z.boolean().nullish(),
    restartPolicy: z.string().nullish(),
    nodeSelector: z.record(z.string(), z.string()).nullish(),
    os: z.object({ name: z.string() }).nullish(),
    securityContext: z
      .object({ runAsNonRoot: z.boolean().nullish(), runAsUser: z.number().nullish() })
      .nullish(),
    /** Of the pod as a whole, from 1.32 on. */
    resources: z.unknown().optional(),
  }),
});

export type Pod = z.infer<typeof podSchema>;
export type Container = z.infer<typeof container>;

/** All but our sidecar. */
export const otherContainers = ({ spec }: Pod): Container[] =>
  [...spec.containers, ...(spec.initContainers ?? [])].filter(({ name }) => name !== SIDECAR_NAME);

/** Null, with the reason in words, for what is no pod. */
export function parsePod(object: unknown): { pod: Pod } | { pod: null; problem: string } {
  const parsed = podSchema.safeParse(object);
  if (parsed.success) return { pod: parsed.data };
  const [issue] = parsed.error.issues;
  return { pod: null, problem: `${issue?.path.join('.') || 'the object'}: ${issue?.message}` };
}
