// Chooses who is asked for the names of pods and containers.
import { existsSync } from 'node:fs';
import { CriSource, type MetadataSource } from '../identity/index.ts';
import type { Config } from '../lib/index.ts';

/** Where containerd and CRI-O listen, on plain nodes and on k3s. */
const CRI_SOCKETS = [
  '/run/containerd/containerd.sock',
  '/run/crio/crio.sock',
  '/run/k3s/containerd/containerd.sock',
];

/** None when `runtime.cri` is `off`, or `auto` and there is no socket. */
export function openMetadataSources(config: Config): MetadataSource[] {
  const { cri } = config.runtime;
  if (cri === 'off') return [];
  const socket = cri === 'auto' ? CRI_SOCKETS.find((path) => existsSync(path)) : cri;
  return socket === undefined ? [] : [new CriSource({ socket })];
}
