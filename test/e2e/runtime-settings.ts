// How an agent is told of the private containerd: from it come the names of pods.
import { runCognitod } from '../support/agent.ts';

/** Environment for the agent; empty when this agent has no such setting. */
export async function runtimeSettings(socket: string): Promise<Record<string, string>> {
  const env = { COGNITOD_RUNTIME_CRI: socket };
  const { code } = await runCognitod(['agent', '--check-config'], { env });
  return code === 0 ? env : {};
}
