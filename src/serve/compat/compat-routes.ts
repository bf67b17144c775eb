// The routes of the first cognitod. What there is no data for yet is answered empty, never made up.
import type { FastifyInstance } from 'fastify';
import { type CompatProcess, compatRoutes, type StatusJson } from '../../api/index.ts';
import { boottimeNs } from '../../os/index.ts';
import { CognitodError } from '../../lib/errors.ts';
import type { ProcessView } from '../../model/index.ts';
import type { AgentView } from '../agent-view.ts';
import { AnswerBudget } from '../answers/answer-budget.ts';
import { type ProbeFields, addRoute } from '../../http/index.ts';
import { findProcess } from '../answers/process-tree.ts';
import type { StreamRoutes } from '../streams/stream-route.ts';
import {
  type AgentFigures,
  compatGraph,
  compatMetrics,
  compatProcess,
  compatStatus,
  compatSystem,
  transportOf,
} from '../../encode/index.ts';
import type { CompatStream } from './compat-stream.ts';

const DEFAULT_WINDOW_MINUTES = 5;

export function addCompatRoutes(
  app: FastifyInstance,
  view: AgentView,
  streamRoutes: StreamRoutes,
  stream: CompatStream,
): void {
  addProcessRoutes(app, view);
  addFigureRoutes(app, view);
  addEmptyRoutes(app);
  const open = (silent: boolean) => (_query: unknown, socket: Parameters<CompatStream['add']>[0]) => {
    const client = stream.add(socket, silent);
    return { finish: () => client.finish(), remove: () => stream.remove(client) };
  };
  streamRoutes.add(compatRoutes.compatStream, open(false));
  streamRoutes.add(compatRoutes.compatEvents, open(false), ({ since, rule }) =>
    since === undefined || rule === undefined ? undefined : [],
  );
  streamRoutes.add(compatRoutes.compatAlerts, open(true));
}

const instrumentationOf = (status: StatusJson) =>
  ({
    kernel_instrumentation: status.collector.kind === 'ebpf' ? 'active' : 'unavailable',
    transport: transportOf(status),
    btf_available: status.collector.btf,
  }) as const;

/** The fields of `/healthz` and `/readyz` that the first cognitod had. */
export function compatProbes(view: Pick<AgentView, 'status'>): ProbeFields {
  // Asked once: it does not change, and everybody may ask for a probe, as often as they like.
  let known: ReturnType<typeof instrumentationOf> | undefined;
  const instrumentation = () => {
    known ??= instrumentationOf(view.status());
    return known;
  };
  return {
    health: () => {
      const { btf_available: _btf, ...health } = instrumentation();
      return health;
    },
    ready: ({ reasons }) => ({
      ...instrumentation(),
      rss_probe: 'procfs',
      reason: reasons.length === 0 ? null : reasons.join('; '),
    }),
  };
}

function addProcessRoutes(app: FastifyInstance, view: AgentView): void {
  const { model, usage } = view;
  const measure = async (processes: Iterable<ProcessView>): Promise<CompatProcess[]> => {
    const all = [...processes];
    await usage.refresh(all);
    const { memoryTotalBytes } = view.node.read();
    const nowNs = boottimeNs();
    const budget = new AnswerBudget();
    return all
      .map((process) => compatProcess(process, model, { usage: usage.of(process), memoryTotalBytes, nowNs }))
      .filter((json) => budget.takes(json));
  };
  const live = (pid: string) => findProcess(model, pid);
  addRoute(app, compatRoutes.compatProcesses, async ({ query: { filter, sort } }) => {
    let processes = await measure(model.running());
    if (filter !== undefined) {
      const [field, least] = filter.split('>') as ['cpu_pct' | 'mem_pct', string];
      processes = processes.filter((process) => (process[field] ?? 0) > Number(least));
    }
    const by = sort === undefined ? null : sort === 'cpu_pct:desc' ? 'cpu_pct' : 'mem_pct';
    return by === null ? processes : processes.toSorted((a, b) => (b[by] ?? -1) - (a[by] ?? -1));
  });
  addRoute(app, compatRoutes.compatContext, () => measure(model.running()));
  addRoute(app, compatRoutes.compatProcess, async ({ params }) => (await measure([live(params.pid)]))[0]);
  addRoute(app, compatRoutes.compatChildren, ({ params }) =>
    measure(model.byPid(Number(params.ppid))?.children ?? []),
  );
  addRoute(app, compatRoutes.compatGraph, ({ params }) => compatGraph(live(params.pid), model));
  addRoute(app, compatRoutes.compatStatus, async () =>
    compatStatus(figures(view), await measure(model.running())),
  );
}

function addFigureRoutes(app: FastifyInstance, view: AgentView): void {
  addRoute(app, compatRoutes.compatMetrics, () => compatMetrics(figures(view)));
  addRoute(app, compatRoutes.compatSystem, () => compatSystem(view.node.read(), unixSeconds()));
  addRoute(app, compatRoutes.compatNode, () => {
    const { cpuPercent, memoryTotalBytes, memoryUsedBytes } = view.node.read();
    return {
      cpu_total_pct: cpuPercent,
      memory_total_mb: Math.round(memoryTotalBytes / 1024 ** 2),
      memory_used_mb: Math.round(memoryUsedBytes / 1024 ** 2),
      processes_total: view.model.runningCount,
      timestamp: unixSeconds(),
    };
  });
}

/** What comes with later work: alerts, insights, incidents, blame. This agent never acts, so there are no actions. */
function addEmptyRoutes(app: FastifyInstance): void {
  for (const route of [
    compatRoutes.compatTimeline,
    compatRoutes.compatRecentInsights,
    compatRoutes.compatIncidents,
    compatRoutes.compatActions,
  ])
    addRoute(app, route, () => []);
  addRoute(app, compatRoutes.compatInsights, () => ({
    summary: 'No language model is configured.',
    risks: [],
  }));
  addRoute(app, compatRoutes.compatIncidentStats, () => ({
    total: 0,
    circuit_breaker_triggers: 0,
    avg_recovery_time_ms: null,
    feedback_entries: 0,
  }));
  addRoute(app, compatRoutes.compatIncidentSummary, () => ({
    total: 0,
    analyzed: 0,
    pending_analysis: 0,
    by_event_type: {},
    recent: [],
  }));
  addRoute(app, compatRoutes.compatIncident, () => {
    throw new CognitodError('NOT_FOUND', 'there is no incident with this id');
  });
  addRoute(app, compatRoutes.compatAttribution, ({ query, request }) => {
    const to = query.to ?? unixSeconds();
    const window = query.window ?? DEFAULT_WINDOW_MINUTES;
    return {
      victim: { pod: query.pod, namespace: query.namespace },
      window_minutes: window,
      from: query.from ?? to - Math.round(window * 60),
      to,
      permalink: request.url,
      attributions: [],
    };
  });
}

function figures(view: Pick<AgentView, 'status' | 'activity'>): AgentFigures {
  const { activity } = view;
  const second = activity.tick();
  const rate = (type: 'fork' | 'exec' | 'exit') => activity.node.rate(type, second);
  const { user, system } = process.cpuUsage();
  return {
    status: view.status(),
    cpuPercent: (user + system) / 1e4 / process.uptime(),
    eventsPerSecond: rate('fork') + rate('exec') + rate('exit'),
  };
}

const unixSeconds = () => Math.floor(Date.now() / 1000);
