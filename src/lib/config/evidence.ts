// Records for auditors.
import { z } from 'zod';
import { flag, integer, list, objectName, optional, path } from './values.ts';

export const evidence = z.strictObject({
  directory: optional(path)
    .default(null)
    .describe('where the records for auditors are kept (docs/evidence.md); none: in memory'),
  key_file: optional(path)
    .default(null)
    .describe(
      'PEM file with the Ed25519 key that signs them; none: `evidence.key` in that directory, made at the first start',
    ),
  anchor_events: flag
    .default(false)
    .describe(
      'whether the hash of each record also goes out as an event of Kubernetes, in the namespace of the agent',
    ),
  cluster_policies: flag
    .default(false)
    .describe('whether roles, bindings and network policies are read into the records'),
  cluster_roles: list(objectName)
    .default([])
    .describe('cluster roles, and their bindings of the same name, to read with them'),
  retention_days: integer(1, 4000).default(400).describe('about how many daily records are kept'),
});
