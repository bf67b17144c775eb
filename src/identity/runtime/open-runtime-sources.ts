// Chooses which container runtimes are asked for names.
import { existsSync } from 'node:fs';
import type { RuntimeProtocol } from './ask-version.ts';
import type { MetadataSource } from '../metadata/index.ts';
import { CRI_SOCKETS, CriSource } from './cri-source.ts';
import { DOCKER_SOCKETS, DockerSource } from './docker-source.ts';
import type { PollingTimes } from './polling-source.ts';
import type { SelectionOptions } from '../metadata/index.ts';

/** `auto`, `off`, or the path of a socket, which is taken as it is, without the host root. */
export type RuntimeChoice = 'auto' | 'off' | (string & {});

export interface RuntimeSourcesOptions extends SelectionOptions, PollingTimes {
  readonly cri?: RuntimeChoice;
  readonly docker?: RuntimeChoice;
  readonly podman?: RuntimeChoice;
  /** Where the host's file system is mounted; by default ours is the host's. */
  readonly hostRoot?: string;
  /** Whether the agent runs on a Kubernetes node; by default as the environment says. */
  readonly kubernetes?: boolean;
}

/**
 * CRI by itself where its socket is, and on every Kubernetes node, for the runtime may start later. Docker and podman
 * by themselves where their socket is, but not on a Kubernetes node: there CRI knows all. A socket of containerd tells
 * nothing: Docker uses containerd too, mostly with CRI switched off.
 */
export function openRuntimeSources(options: RuntimeSourcesOptions = {}): MetadataSource[] {
  const { cri = 'auto', docker = 'auto', podman = 'auto', kubernetes = inKubernetes(), ...common } = options;
  const exists = (paths: readonly string[]) =>
    paths.some((path) => existsSync((common.hostRoot ?? '') + path));
  const sources: MetadataSource[] = [];
  if (cri === 'auto' ? kubernetes || exists(CRI_SOCKETS) : cri !== 'off') {
    sources.push(new CriSource({ ...common, ...explicit(cri) }));
  }
  for (const [name, choice] of [
    ['docker', docker],
    ['podman', podman],
  ] as const) {
    if (choice === 'auto' ? !kubernetes && exists(DOCKER_SOCKETS[name]) : choice !== 'off') {
      sources.push(new DockerSource({ ...common, name, ...explicit(choice) }));
    }
  }
  return sources;
}

export interface RuntimeSocket {
  readonly protocol: RuntimeProtocol;
  readonly path: string;
}

/** Every place that a choice stands for, whether something is there or not; none where all are off. */
export function runtimeSockets({
  cri = 'auto',
  docker = 'auto',
  podman = 'auto',
  hostRoot = '',
}: Pick<RuntimeSourcesOptions, 'cri' | 'docker' | 'podman' | 'hostRoot'>): RuntimeSocket[] {
  return (
    [
      ['cri', cri, CRI_SOCKETS],
      ['docker', docker, DOCKER_SOCKETS.docker],
      ['docker', podman, DOCKER_SOCKETS.podman],
    ] as const
  ).flatMap(([protocol, choice, usual]) => {
    if (choice === 'off') return [];
    const paths = choice === 'auto' ? usual.map((path) => hostRoot + path) : [choice];
    return paths.map((path) => ({ protocol, path }));
  });
}

const inKubernetes = () => process.env.KUBERNETES_SERVICE_HOST !== undefined;
const explicit = (choice: RuntimeChoice) => (choice === 'auto' ? {} : { socket: choice });
