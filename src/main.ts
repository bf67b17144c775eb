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
  // In two halves: the first needs privileges and little code, the second no privileges (privileged-start.ts).
  runAgent: async (options) => {
    const { startPrivileged } = await import('./start/index.ts');
    const start = startPrivileged(options);
    return (await import('./agent/index.ts')).runAgent(options, start);
  },
  loadDoctor: () => import('./doctor/index.ts'),
  runAdmission: async (options) => (await import('./admission/index.ts')).runAdmission(options),
  loadCgroupParser: async () => (await import('./identity/index.ts')).parseCgroup,
});
