// The agent itself: wires the stages together and runs them in the foreground.
export { Agent, type StartReport } from './agent.ts';
export { runAgent } from './run-agent.ts';
