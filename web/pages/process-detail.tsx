// One process: what it is, who started it, and its life.
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { useSignal } from '@preact/signals';
import type { EventJson, ProcessJson, ProcessTreeAnswer } from '../../src/api/index.ts';
import { capabilitiesText } from '../../src/lib/capabilities.ts';
import { type Answer, ask } from '../agent/api.ts';
import { openStream } from '../agent/stream.ts';
import { EVENT_TYPES } from '../model/filters.ts';
import { lifeOf } from '../model/life.ts';
import { placeText } from '../model/place.ts';
import { shortCommand } from '../model/live-list.ts';
import { bytesText, dateText, exitText, harmless, spanText } from '../ui/figures.ts';
import { formatRoute, route } from '../ui/route.ts';
import { Failed, Loading } from '../ui/states.tsx';
import { Argv } from './argv.tsx';
import { Life } from './life.tsx';

const REFRESH_MS = 500;
const USAGE_MS = 2_000;
/** Children that came and went, before it was shown and since. */
const MAX_SEEN = 200;

interface Loaded {
  readonly process: ProcessJson;
  readonly tree: ProcessTreeAnswer;
}

const provenanceText = ({ provenance, cgroup_truncated: truncated }: ProcessJson) =>
  truncated ? `${provenance} (the beginning of the cgroup is cut off)` : provenance;

/** Names that are not believed. */
function claimText({ claim, provenance, container_id }: ProcessJson): string | null {
  const parts = [
    claim?.pod_uid != null && `pod ${claim.pod_uid}`,
    claim?.container_id != null && `container ${claim.container_id}`,
    provenance === 'claimed' && container_id !== null && `container ${container_id}`,
  ].filter((part) => part !== false);
  return parts.length === 0 ? null : `${harmless(parts.join(', '))} (not believed)`;
}

export interface ProcessDetailProps {
  readonly id: string;
  readonly onClose: () => void;
}

export function ProcessDetail({ id, onClose }: ProcessDetailProps): JSX.Element {
  const { answer, ended, seen } = useProcess(id);
  const close = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    close.current!.focus();
    const onKey = (event: KeyboardEvent) => {
      if (event.key === 'Escape' && !event.defaultPrevented) onClose();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
  return (
    <aside class="detail" aria-labelledby="detail-title">
      <button
        ref={close}
        type="button"
        class="quiet icon close"
        aria-label="Close the process"
        onClick={onClose}
      >
        ✕
      </button>
      {answer === null && <Loading what="the process" />}
      {answer !== null && !answer.ok && (
        <>
          <h2 id="detail-title">Process {id}</h2>
          <Failed what="this process" failure={answer.failure} />
        </>
      )}
      {answer?.ok && <Detail loaded={answer.value} ended={ended} seen={seen} />}
    </aside>
  );
}

interface DetailProps {
  readonly loaded: Loaded;
  /** Children that had ended when the page was opened. */
  readonly ended: readonly ProcessJson[];
  readonly seen: readonly EventJson[];
}

function Detail({ loaded, ended: endedChildren, seen }: DetailProps): JSX.Element {
  const { process, tree } = loaded;
  const { usage } = process;
  const ended = process.state !== 'running';
  const lasts = spanText(process.start_time, process.exit_time ?? new Date().toISOString());
  return (
    <>
      <h2 id="detail-title">
        <bdi>{harmless(process.comm)}</bdi> <span class="muted">{process.pid}</span>
      </h2>
      <p class="detail-state">
        {ended ? (
          <span class="chip exit">{stateText(process)}</span>
        ) : (
          <span class="chip running">running</span>
        )}
        <span class="muted">{ended ? `lived ${lasts}` : `for ${lasts}`}</span>
      </p>
      <Argv
        argv={process.argv}
        fallback={shortCommand(process)}
        wasCut={process.images?.at(-1)?.argv_truncated === true}
      />
      <h3>Life</h3>
      <Life
        life={lifeOf(process, [...endedChildren, ...tree.process.tree], seen, new Date().toISOString())}
      />
      <h3>Facts</h3>
      <dl class="facts">
        <Fact name="Executable" value={process.executable} code />
        <Fact name="User" value={userText(process)} />
        <Fact name="Capabilities" value={capabilitiesText(process.cap_effective)} />
        <Fact name="Started" value={`${dateText(process.start_time)} (${BORN[process.born]})`} />
        <Fact name="Where" value={placeText(process)} />
        <Fact name="Container" value={process.container_id} code />
        <Fact name="Image" value={process.image ?? null} code />
        <Fact name="Pod uid" value={process.pod_uid} code />
        <Fact name="Pid in its namespace" value={process.ns_pid} />
        <Fact name="Cgroup" value={process.cgroup_path} code />
        <Fact name="Known from" value={provenanceText(process)} />
        <Fact name="Names claim" value={claimText(process)} />
        <Fact name="Memory" value={usage == null ? null : bytesText(usage.rss_bytes)} />
        <Fact name="CPU" value={usage == null ? null : cpuText(usage)} />
        <Fact name="Process id" value={process.process_id} code />
      </dl>
      <h3>Ancestors</h3>
      <ol class="ancestors">
        {tree.ancestors.toReversed().map((ancestor) => (
          <li key={ancestor.process_id}>
            <ProcessLink process={ancestor} />
          </li>
        ))}
        <li aria-current="true">
          <bdi class="command">{shortCommand(process)}</bdi>
        </li>
      </ol>
      <h3>Children</h3>
      {tree.process.tree.length === 0 ? (
        <p class="muted">None is running.</p>
      ) : (
        <ul class="children">
          {tree.process.tree.slice(0, MAX_SEEN).map((child) => (
            <li key={child.process_id}>
              <ProcessLink process={child} />
            </li>
          ))}
        </ul>
      )}
      <p>
        <a href={formatRoute({ page: 'events', query: { pid: String(process.pid) } })}>Its events, live</a>
      </p>
    </>
  );
}

function ProcessLink({ process }: { process: ProcessJson }): JSX.Element {
  return (
    <a href={formatRoute({ page: 'processes', id: process.process_id, query: route.value.query })}>
      <span class="muted">{process.pid}</span> <bdi class="command">{shortCommand(process)}</bdi>
    </a>
  );
}

function Fact({
  name,
  value,
  code,
}: {
  name: string;
  value: string | number | null;
  code?: boolean;
}): JSX.Element | null {
  if (value === null || value === '') return null;
  const text = harmless(String(value));
  return (
    <div>
      <dt>{name}</dt>
      <dd>{code ? <code>{text}</code> : text}</dd>
    </div>
  );
}

const BORN: Readonly<Record<ProcessJson['born'], string>> = {
  fork: 'its fork was seen',
  snapshot: 'there before the agent',
  fork_unseen: 'its fork was not seen',
};

function stateText({ state, exit_code, exit_signal, exit_signal_name }: ProcessJson): string {
  return state === 'exit_unseen' ? 'ended unseen' : exitText(exit_code, exit_signal_name ?? exit_signal);
}

function userText({ uid, euid, gid }: ProcessJson): string {
  return `uid ${uid}${euid === uid ? '' : `, effective ${euid}`}, gid ${gid}`;
}

function cpuText({ cpu_seconds, cpu_percent }: NonNullable<ProcessJson['usage']>): string {
  return `${cpu_percent === null ? '' : `${cpu_percent.toFixed(1)} % of a core, `}${cpu_seconds.toFixed(1)} s in all`;
}

/** Asked again when an event is about it or a child of it, and for its usage while it runs. */
function useProcess(id: string) {
  const answer = useSignal<Answer<Loaded> | null>(null);
  const ended = useSignal<readonly ProcessJson[]>([]);
  const seen = useSignal<readonly EventJson[]>([]);
  useEffect(() => {
    let isOver = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let timerMs = Number.POSITIVE_INFINITY;
    async function load(): Promise<void> {
      const next = await loadProcess(id);
      if (isOver) return;
      // What was known of a process that is forgotten stays in sight.
      if (next.ok || answer.peek() === null) answer.value = next;
      if (!next.ok || next.value.process.state !== 'running') return;
      follow(next.value.process.container_id);
      later(USAGE_MS);
    }
    function later(ms: number): void {
      if (ms >= timerMs) return;
      clearTimeout(timer);
      timerMs = ms;
      timer = setTimeout(() => {
        timerMs = Number.POSITIVE_INFINITY;
        void load();
      }, ms);
    }
    let stream: { close(): void } | null = null;
    /** Its children run where it does: in a container nobody else's events need to be sent. */
    function follow(container: string | null): void {
      stream ??= openStream('events', container === null ? {} : { container }, {
        onRecord({ kind, text }) {
          if (!EVENT_TYPES.some((type) => type === kind) || !text.includes(id)) return;
          const event = JSON.parse(text) as EventJson;
          if (event.process_id !== id && event.parent_process_id !== id) return;
          seen.value = [...seen.value, event].slice(-MAX_SEEN);
          later(REFRESH_MS);
        },
        onState: () => {},
      });
    }
    void load();
    void endedChildren(id).then((children) => {
      if (!isOver) ended.value = children;
    });
    return () => {
      isOver = true;
      stream?.close();
      clearTimeout(timer);
    };
  }, [id]);
  return { answer: answer.value, ended: ended.value, seen: seen.value };
}

/** The last of them, as far as the agent keeps them. */
async function endedChildren(parent: string): Promise<readonly ProcessJson[]> {
  const query = { parent, state: 'exited', sort: 'newest', limit: String(MAX_SEEN) };
  const answer = await ask('processes', { query });
  return answer.ok ? answer.value.processes : [];
}

async function loadProcess(id: string): Promise<Answer<Loaded>> {
  const asked = { params: { id } };
  const [process, tree] = await Promise.all([ask('process', asked), ask('processTree', asked)]);
  if (!process.ok) return process;
  if (!tree.ok) return tree;
  return { ok: true, value: { process: process.value, tree: tree.value } };
}
