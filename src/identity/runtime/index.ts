// Container runtimes as sources of names.
export { CriSource, type CriSourceOptions } from './cri-source.ts';
