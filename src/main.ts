// Entry point: the only place where the command line meets the agent.
import { runCli } from './cli/index.ts';
import { VERSION } from './lib/version.ts';

process.exitCode = await runCli(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  version: VERSION,
  // Loaded only by the commands that need them: clients start in a third of the time.
  runAgent: async (options) => (await import('./agent/index.ts')).runAgent(options),
  loadCgroupParser: async () => (await import('./identity/index.ts')).parseCgroup,
});
