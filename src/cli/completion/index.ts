// Completion of command lines in bash, zsh and fish.
export { COMPLETE, complete } from './complete.ts';
export { SHELLS, type Shell, scriptOf } from './scripts.ts';
