// `cognitod admission`: serves until a signal.
import type { Writable } from 'node:stream';
import { createLog, loadConfig } from '../lib/index.ts';
import { checkAdmission, startAdmission } from './admission.ts';

export interface RunAdmissionOptions {
  readonly configFile: string | undefined;
  readonly checkConfig: boolean;
  readonly json: boolean;
  /** Dotted configuration paths set by flags. */
  readonly overrides: Readonly<Record<string, unknown>>;
  readonly env: NodeJS.ProcessEnv;
  readonly stdout: Writable;
  readonly stderr: Writable;
}

/** Resolves with the exit code. Configuration and start errors are thrown as CognitodError. */
export async function runAdmission(options: RunAdmissionOptions): Promise<number> {
  const { json, stdout } = options;
  const { config } = loadConfig({
    file: options.configFile,
    env: options.env,
    overrides: options.overrides,
  });
  if (options.checkConfig) {
    checkAdmission(config);
    stdout.write(json ? '{"valid":true}\n' : 'the configuration is valid\n');
    return 0;
  }
  const stop = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve());
  });
  const admission = await startAdmission({ config, log: createLog(options) });
  const { webhookAddress, opsAddress } = admission;
  stdout.write(
    json
      ? `${JSON.stringify({ type: 'started', webhook_address: webhookAddress, ops_address: opsAddress })}\n`
      : `webhook  ${webhookAddress}/mutate   health and metrics  ${opsAddress}\n`,
  );
  await stop;
  await admission.close();
  return 0;
}
