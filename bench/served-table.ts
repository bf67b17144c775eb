// A process with the API server before a table of 10,000 live processes of named pods. Prints its address.
import type { AgentView } from '../src/serve/index.ts';
import { createApiServer } from '../src/serve/index.ts';
import { CGROUPS, makeWay } from './identity.ts';
import { makeLives } from './records.ts';

const { table, bus, run } = makeWay(true);
run(makeLives(10_000, 1_000_000, 10n ** 15n, false, CGROUPS));

const none = () => {
  throw new Error('not measured');
};
const view: AgentView = { model: table, bus, status: none, readiness: none, evidence: none };
const server = createApiServer({
  listen: { host: '127.0.0.1', port: 0 },
  tokens: null,
  view,
  log: console,
  streamQueueBytes: 1 << 20,
  heartbeatSeconds: 10,
});
const { url } = await server.listen();
console.log(JSON.stringify({ url, processes: table.runningCount }));
process.stdin.resume();
