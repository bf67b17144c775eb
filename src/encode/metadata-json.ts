// Writes the names of pod, container and workload in their published form.
import type { EventJson } from '../api/index.ts';
import type { Identity, Metadata } from '../identity/index.ts';

/** The fields of `metadataFields`; nothing outside containers. */
export type MetadataJson = Pick<
  EventJson,
  | 'namespace'
  | 'pod_name'
  | 'pod_labels'
  | 'pod_annotations'
  | 'node'
  | 'service_account'
  | 'workload_kind'
  | 'workload_name'
  | 'container_name'
  | 'container_kind'
  | 'image'
  | 'image_id'
  | 'container_started_at'
  | 'container_restart_count'
  | 'metadata_provenance'
>;

/** What names claim and is not believed, and what else is rare; fields that say nothing are absent. */
export function claimJson({
  userUnit,
  claim,
  truncated,
}: Identity): Pick<EventJson, 'user_unit' | 'cgroup_truncated' | 'claim'> {
  return {
    ...(userUnit === undefined ? {} : { user_unit: userUnit }),
    ...(truncated === undefined ? {} : { cgroup_truncated: truncated }),
    ...(claim === undefined
      ? {}
      : {
          claim: {
            container_id: claim.containerId,
            pod_uid: claim.podUid,
            runtime: claim.runtime,
            qos: claim.qos,
          },
        }),
  };
}

export function metadataJson(identity: Identity, metadata: Metadata | null): MetadataJson {
  if (metadata === null || (identity.containerId === null && identity.podUid === null)) return {};
  return {
    namespace: metadata.namespace,
    pod_name: metadata.podName,
    pod_labels: metadata.labels,
    pod_annotations: metadata.annotations,
    node: metadata.node,
    service_account: metadata.serviceAccount,
    workload_kind: metadata.workload?.kind ?? null,
    workload_name: metadata.workload?.name ?? null,
    container_name: metadata.containerName,
    container_kind: metadata.containerKind,
    image: metadata.image,
    image_id: metadata.imageId,
    container_started_at: metadata.containerStartedAt,
    container_restart_count: metadata.restartCount,
    metadata_provenance: metadata.provenance,
  };
}
