// Asks the container runtime for the names of its pods and containers, over CRI v1 (containerd, CRI-O).
import { connectCri } from './cri-client.ts';
import { PollingSource, type PollingTimes } from './polling-source.ts';
import type { SelectionOptions } from '../metadata/index.ts';

export interface CriSourceOptions extends SelectionOptions, PollingTimes {
  /** Path of the unix socket. Without it the usual one whose runtime has the most running containers, looked for again. */
  readonly socket?: string;
  /** Where the host's file system is mounted, for the usual paths only; by default ours is the host's. */
  readonly hostRoot?: string;
}

/**
 * Where containerd, CRI-O, k3s (and RKE2), k0s, MicroK8s and cri-dockerd listen. /var/run comes late: where it is an absolute link, it leads
 * out of a mounted host root.
 */
export const CRI_SOCKETS: readonly string[] = [
  '/run/containerd/containerd.sock',
  '/run/crio/crio.sock',
  '/var/run/crio/crio.sock',
  '/run/k3s/containerd/containerd.sock',
  '/run/k0s/containerd.sock',
  '/var/snap/microk8s/common/run/containerd.sock',
  '/run/cri-dockerd.sock',
];

export class CriSource extends PollingSource {
  constructor(options: CriSourceOptions = {}) {
    const { socket, hostRoot = '' } = options;
    super(
      {
        name: 'cri',
        sockets: socket === undefined ? CRI_SOCKETS.map((path) => hostRoot + path) : [socket],
        connect: (path, onRequest) => connectCri(path, { ...options, onRequest }),
      },
      options,
    );
  }
}
