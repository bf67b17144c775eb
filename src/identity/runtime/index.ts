// Container runtimes as sources of names.
export { CriSource, type CriSourceOptions } from './cri-source.ts';
export { DockerSource, type DockerSourceOptions } from './docker-source.ts';
export {
  openRuntimeSources,
  RUNTIME_SOCKETS,
  type RuntimeChoice,
  type RuntimeSourcesOptions,
} from './open-runtime-sources.ts';
