// What every stage may use.
export { type Closable, closeAll, type Closing } from './close.ts';
export { createLog, type Log } from './log.ts';
export { type ConfigOrigin, type LoadedConfig, loadConfig, variableOf } from './config/load.ts';
export { CONFIG_KEYS, type Config } from './config/schema.ts';
export { shownConfig, shownKeys } from './config/view.ts';
export * from './errors.ts';
export { formatListen, type ListenAddress, parseListen } from './listen.ts';
export { startOwnProcess } from './own-process.ts';
export * from './privileges.ts';
export { type TaskState, Tasks } from './tasks.ts';
export { type ApiTokens, openTokens } from './token.ts';
export { VERSION } from './version.ts';
