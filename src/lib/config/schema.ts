// The configuration: every key with its type, bounds, default and meaning; docs/configuration.md lists the same. A section is a
// file, with the rules that hold between its keys.
import { hostname } from 'node:os';
import { z } from 'zod';
import { admission } from './admission.ts';
import { api } from './api.ts';
import { events } from './events.ts';
import { evidence } from './evidence.ts';
import { kernel } from './kernel.ts';
import { kubernetes } from './kubernetes.ts';
import { metadata } from './metadata.ts';
import { metrics } from './metrics.ts';
import { model } from './model.ts';
import { ops } from './ops.ts';
import { pod } from './pod.ts';
import { privileges } from './privileges.ts';
import { procfs } from './procfs.ts';
import { runtime } from './runtime.ts';
import { secrets } from './secrets.ts';
import { stream } from './stream.ts';
import { path, choice } from './values.ts';

export const configSchema = z.strictObject({
  collector: choice('auto', 'ebpf', 'procfs')
    .default('auto')
    .describe('how to watch: `ebpf`, `procfs` (polling), or `auto`: eBPF where it can be had'),
  node_name: z
    .string()
    .min(1)
    .max(253)
    .default(() => hostname())
    .describe('name of this node; in Kubernetes that of its Node object: set it from `spec.nodeName`'),
  proc_root: path.default('/proc').describe("where the host's procfs is mounted"),
  sys_root: path.default('/sys').describe("where the host's sysfs is mounted"),
  privileges: privileges.prefault({}),
  kernel: kernel.prefault({}),
  model: model.prefault({}),
  stream: stream.prefault({}),
  api: api.prefault({}),
  ops: ops.prefault({}),
  metrics: metrics.prefault({}),
  kubernetes: kubernetes.prefault({}),
  runtime: runtime.prefault({}),
  metadata: metadata.prefault({}),
  evidence: evidence.prefault({}),
  secrets: secrets.prefault({}),
  pod: pod.prefault({}),
  procfs: procfs.prefault({}),
  admission: admission.prefault({}),
  events: events.prefault({}),
});

/** The checked configuration, defaults filled in. */
export type Config = z.infer<typeof configSchema>;

export interface ConfigKey {
  /** e.g. `kernel.ring_bytes` */
  readonly path: string;
  readonly description: string;
}

/** Every key, in the order of the schema. */
export const CONFIG_KEYS: readonly ConfigKey[] = keysOf(configSchema, '');

function keysOf(schema: z.ZodObject, prefix: string): ConfigKey[] {
  return Object.entries(schema.shape).flatMap(([name, type]) => {
    const inner = type instanceof z.ZodPrefault ? type.unwrap() : type;
    if (inner instanceof z.ZodObject) return keysOf(inner, `${prefix}${name}.`);
    return [{ path: prefix + name, description: (type as z.ZodType).description ?? '' }];
  });
}
