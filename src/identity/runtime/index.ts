// Container runtimes as sources of names.
export { askRuntimeVersion, type RuntimeProtocol } from './ask-version.ts';
export { CriSource, type CriSourceOptions } from './cri-source.ts';
export { DockerSource, type DockerSourceOptions } from './docker-source.ts';
export {
  openRuntimeSources,
  runtimeSockets,
  type RuntimeChoice,
  type RuntimeSocket,
  type RuntimeSourcesOptions,
} from './open-runtime-sources.ts';
export { RuntimeFailure } from './runtime-client.ts';
