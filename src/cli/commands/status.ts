// `cognitod status`: whether the agent sees everything, and what it costs.
import { routes, type StatusJson } from '../../api/index.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { ledgerText } from '../ledger-text.ts';
import { bytesText, countText, durationText, harmless, type Painter, table } from '../text.ts';

/** Resolves with the exit code. */
export async function status(context: Context): Promise<number> {
  const document = await context.client.get(routes.status);
  await context.print(document, () => statusText(document, context.paint));
  return document.ready ? EXIT.ok : EXIT.notReady;
}

function statusText(status: StatusJson, paint: Painter): string {
  const { collector, ledger, processes, memory } = status;
  const ready = status.ready ? paint('green', 'yes') : paint(['bold', 'red'], 'NO');
  const ring =
    collector.ring_bytes === null
      ? 'none'
      : `${bytesText(collector.ring_bytes)}, ${bytesText(collector.ring_used_bytes ?? 0)} in use`;
  const head = table([
    ['sees the whole node', ready],
    ...status.reasons.map((reason) => ['', harmless(reason)]),
    [
      'agent',
      `cognitod ${harmless(status.version)}, pid ${status.pid}, up ${durationText(status.uptime_seconds)}`,
    ],
    ['node', `${harmless(status.node)}, Linux ${harmless(collector.kernel)}`],
    ['collector', `${collector.kind}: ${harmless(collector.reason)}`],
    ...collector.limits.map((limit) => ['limit', harmless(limit)]),
    ['hooks', harmless(collector.hooks.join(', '))],
    ['ring', ring],
    ['privileges', privilegesText(status.privileges, paint)],
    [
      'processes',
      `${countText(processes.running)} running, ${countText(processes.exited)} exited, ${countText(processes.containers)} containers`,
    ],
    [
      'memory',
      `${bytesText(memory.rss_bytes)} resident, ${bytesText(memory.model_bytes)} for the process table`,
    ],
    ...claimRows(status, paint),
    ...namesRows(status.metadata, paint),
    ['stream clients', String(status.clients)],
    ...troubleRows(status, paint),
  ]);
  return `${head}\n${ledgerText(ledger, paint)}`;
}

/** What the agent tries in vain at present, and what became of its evidence. Nothing when all is well. */
function troubleRows({ tasks, evidence }: StatusJson, paint: Painter): string[][] {
  const failing = tasks.flatMap(({ name, failing: why, failures }) =>
    why === null
      ? []
      : [
          [
            'FAILING',
            paint(['bold', 'red'], `${harmless(name)}, ${countText(failures)} times: ${harmless(why)}`),
          ],
        ],
  );
  if (evidence.problem === null) return failing;
  return [...failing, ['evidence', paint(['bold', 'red'], harmless(evidence.problem))]];
}

/** What any thread of the agent may do now. The bounding set is of no use where no exec can give more. */
function privilegesText(privileges: StatusJson['privileges'], paint: Painter): string {
  const { cap_permitted: permitted, no_new_privs: closed, kept, dropped, uid, threads } = privileges;
  const expected = permitted.every((name) => kept.includes(name)) && closed;
  const held = permitted.length === 0 ? 'no capability' : harmless(permitted.join(', '));
  const confined = confinementText(privileges.confinement);
  const text = `${held} in ${countText(threads)} threads, uid ${uid}, no_new_privs ${closed ? 'on' : 'off'}${confined}`;
  if (!dropped) return paint('yellow', `${text}; not given up: privileges.drop is false`);
  return expected ? text : paint(['bold', 'red'], text);
}

function confinementText({ system_calls, landlock }: StatusJson['privileges']['confinement']): string {
  const calls = system_calls ? ', system calls filtered' : ', system calls NOT filtered';
  return landlock === null ? calls : `${calls}, writes and starts limited (Landlock)`;
}

/** Names that were not believed. Nothing when there were none. */
function claimRows({ processes, metadata }: StatusJson, paint: Painter): string[][] {
  const { cgroups_claimed: claimed, cgroups_truncated: truncated } = processes;
  const parts = [
    claimed > 0 && `${countText(claimed)} cgroups with a name that anybody may have made`,
    truncated > 0 && `${countText(truncated)} with a path too deep to be read`,
    metadata.contradicted > 0 && `${countText(metadata.contradicted)} of another pod by the sources of names`,
  ].filter((part) => part !== false);
  return parts.length === 0 ? [] : [['not believed', paint('yellow', parts.join(', '))]];
}

/** Who names pods and containers, and how well that goes. */
function namesRows(metadata: StatusJson['metadata'], paint: Painter): string[][] {
  if (metadata.sources.length === 0)
    return [['names from', 'nobody: no Kubernetes API, no container runtime']];
  const sources = metadata.sources.map(({ name, endpoint, state, objects, reason }, index) => {
    const mark = state === 'ok' ? paint('green', 'ok') : paint(['bold', 'red'], state);
    const text = `${harmless(name)} at ${harmless(endpoint)}: ${mark}, ${countText(objects)} objects`;
    return [index === 0 ? 'names from' : '', reason === null ? text : `${text}; ${harmless(reason)}`];
  });
  const { unnamed, held, released_unnamed: released, inferred, inferred_refuted: refuted } = metadata;
  const waited = `${countText(held)} events waited for a name, ${countText(released)} went out without; ${countText(unnamed)} pods or containers have none`;
  const wrong = refuted > 0 ? paint('red', `, ${countText(refuted)} of them wrongly`) : '';
  const early = `${countText(inferred)} containers named by their mounts before a source did${wrong}`;
  return [...sources, ['', waited], ...(inferred > 0 ? [['', early]] : [])];
}
