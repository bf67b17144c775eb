// Has the agent start a process and tell what it saw of it. Only who may do more than look can ask for it.
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import type { LastSelfTestJson, SelfTestJson, SelfTestPlaceJson } from '../../src/api/index.ts';
import { type Answer, ask, type Failure } from '../agent/api.ts';
import { checkNow } from '../agent/connection.ts';
import { useDocument } from '../agent/poll.ts';
import { dateText, harmless } from '../ui/figures.ts';
import { Failed, Loading } from '../ui/states.tsx';
import { Card, Fact } from './node.tsx';

const PERIOD_MS = 30_000;

export function SelfTest(): JSX.Element {
  const told = useDocument('lastSelfTest', PERIOD_MS).value;
  const asked = useSignal<Answer<SelfTestJson> | null>(null);
  const running = useSignal(false);
  const run = async () => {
    running.value = true;
    asked.value = await ask('selfTest');
    running.value = false;
    // A token that is no longer right, or an agent that is gone: the connection tells it for all pages.
    if (!asked.value.ok && asked.value.failure.kind !== 'refused') checkNow();
  };
  const button = (
    <button type="button" aria-disabled={running.value} onClick={() => !running.value && void run()}>
      {running.value ? 'Running…' : 'Run'}
    </button>
  );
  const failure = asked.value?.ok === false ? asked.value.failure : null;
  const last = newest(asked.value?.ok === true ? asked.value.value : null, told?.ok ? told.value.last : null);
  return (
    <Card title="Self-test" note={button}>
      <p class="muted">The agent starts a process that ends at once, and looks whether it sees it.</p>
      {failure !== null && <Refused failure={failure} />}
      <div aria-live="polite">{last === null ? <None told={told} /> : <Result result={last} />}</div>
    </Card>
  );
}

/** Somebody else may have run one since. */
function newest(own: SelfTestJson | null, told: SelfTestJson | null): SelfTestJson | null {
  if (own === null || told === null) return own ?? told;
  return own.time >= told.time ? own : told;
}

function Refused({ failure }: { failure: Failure }): JSX.Element {
  const isForbidden = failure.kind === 'refused' && failure.status === 403;
  return (
    <p class="bad" role="alert">
      {isForbidden
        ? 'The token of this tab may only look: to run the self-test, forget it and enter the admin token. The agent says: '
        : 'It was not run: '}
      {harmless(failure.detail)}
    </p>
  );
}

function None({ told }: { told: Answer<LastSelfTestJson> | null }): JSX.Element {
  if (told === null) return <Loading what="the last result" />;
  return told.ok ? (
    <p>None has run since the agent started.</p>
  ) : (
    <Failed what="its self-test" failure={told.failure} />
  );
}

function Result({ result }: { result: SelfTestJson }): JSX.Element {
  const { ok, time, seen, delay_ms: delayMs, place, own_place: isOwn, reason } = result;
  return (
    <dl class="facts wide">
      <Fact name="Result">
        <span class={`chip ${ok ? 'ok' : 'bad'}`}>{ok ? 'ok' : 'failed'}</span> {harmless(reason)}
      </Fact>
      <Fact name="Told">
        {(['fork', 'exec', 'exit'] as const).map((type) => (
          <span key={type} class={`chip ${seen[type] ? 'ok' : 'bad'}`}>
            {seen[type] ? type : `no ${type}`}
          </span>
        ))}
        {delayMs !== null && ` ${delayMs.toFixed(1)} ms after the exec`}
      </Fact>
      {place !== null && (
        <Fact name="Place">
          {harmless(placeText(place))} {isOwn === true && <span class="muted">(the agent’s own)</span>}
          {isOwn === false && <span class="bad">not that of the agent</span>}
        </Fact>
      )}
      <Fact name="When">{dateText(time)}</Fact>
    </dl>
  );
}

function placeText({
  kind,
  namespace,
  pod_name,
  pod_uid,
  container_name,
  container_id,
  unit,
}: SelfTestPlaceJson): string {
  if (kind === 'host') return unit === null ? 'this node' : `this node, ${unit}`;
  if (kind === 'unknown') return 'not known';
  const container = container_name ?? container_id?.slice(0, 12) ?? null;
  const pod = pod_name === null ? pod_uid : `${namespace}/${pod_name}`;
  return [kind === 'pod' ? `pod ${pod}` : null, container === null ? null : `container ${container}`]
    .filter((part) => part !== null)
    .join(', ');
}
