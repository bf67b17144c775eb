// Asks Docker, or podman's imitation of it, for the names of containers.
import { connectDocker } from './docker-client.ts';
import { PollingSource, type PollingTimes } from './polling-source.ts';
import type { SelectionOptions } from '../metadata/index.ts';

export interface DockerSourceOptions extends SelectionOptions, PollingTimes {
  readonly name?: 'docker' | 'podman';
  /** Path of the unix socket. Without it the usual one whose runtime has the most running containers, looked for again. */
  readonly socket?: string;
  /** Where the host's file system is mounted, for the usual paths only; by default ours is the host's. */
  readonly hostRoot?: string;
}

export const DOCKER_SOCKETS = {
  docker: ['/run/docker.sock', '/var/run/docker.sock'],
  podman: ['/run/podman/podman.sock'],
} as const;

export class DockerSource extends PollingSource {
  constructor(options: DockerSourceOptions = {}) {
    const { name = 'docker', socket, hostRoot = '' } = options;
    super(
      {
        name,
        sockets: socket === undefined ? DOCKER_SOCKETS[name].map((path) => hostRoot + path) : [socket],
        connect: async (path, onRequest) => connectDocker(path, { ...options, onRequest }),
      },
      options,
    );
  }
}
