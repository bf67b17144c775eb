// A process with the API server before a table of 10,000 live processes of named pods. Prints its address.
import { type AgentView, createApiServer } from '../src/serve/index.ts';
import { CGROUPS, makeWay } from './identity.ts';
import { makeLives } from './records.ts';

const { table, bus, run } = makeWay(true);
run(makeLives(10_000, 1_000_000, 10n ** 15n, false, CGROUPS));

const server = createApiServer({
  listen: { host: '127.0.0.1', port: 0 },
  tokens: null,
  // Nothing else is asked for.
  view: { model: table, bus } as unknown as AgentView,
  log: console,
  streams: {
    maxClients: 1,
    queueBytes: 1 << 20,
    totalQueueBytes: 1 << 20,
    replayEvents: 0,
    replayBytes: 0,
    heartbeatSeconds: 10,
  },
});
const { url } = await server.listen();
console.log(JSON.stringify({ url, processes: table.runningCount }));
process.stdin.resume();
