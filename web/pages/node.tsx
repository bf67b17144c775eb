// The node and the agent itself: checks, ledger, hooks, privileges, sources of names, configuration.
import type { ComponentChildren, JSX } from 'preact';
import { status } from '../agent/connection.ts';
import { healthOf } from '../model/health.ts';
import { bytesText, countText, dateText, durationText, plural } from '../ui/figures.ts';
import { Loading } from '../ui/states.tsx';
import { Configuration } from './configuration.tsx';
import { Doctor } from './doctor.tsx';
import { LedgerTable } from './ledger-table.tsx';
import { Hooks, Privileges, Sources } from './node-parts.tsx';
import { SelfTest } from './self-test.tsx';

export function Node(): JSX.Element {
  const current = status.value;
  if (current === null) return <Loading what="the status" />;
  const { collector, memory, processes, reasons } = current;
  const health = healthOf(current);
  return (
    <div class="columns">
      <Card title="Summary">
        <dl class="facts wide">
          <Fact name="State">
            <span class={`chip ${health.level}`}>{health.word}</span>
            {reasons.map((reason) => (
              <span key={reason} class="line">
                {reason}
              </span>
            ))}
          </Fact>
          <Fact name="Node">{current.node}</Fact>
          <Fact name="Version">{current.version}</Fact>
          <Fact name="Kernel">
            Linux {collector.kernel}, {collector.btf ? 'with' : 'without'} BTF
          </Fact>
          <Fact name="Collector">
            {collector.kind}: {collector.reason}
          </Fact>
          <Fact name="Running since">
            {dateText(current.started_at)} ({durationText(current.uptime_seconds)})
          </Fact>
          <Fact name="Agent">
            pid {current.pid}, {bytesText(memory.rss_bytes)} resident, {bytesText(memory.model_bytes)} of it
            processes
          </Fact>
          <Fact name="Known">
            {countText(processes.running)} running, {countText(processes.exited)} ended,{' '}
            {countText(processes.containers)} containers, {countText(processes.cgroups)} cgroups
          </Fact>
          {collector.ring_bytes !== null && (
            <Fact name="Ring buffer">
              {bytesText(collector.ring_used_bytes ?? 0)} of {bytesText(collector.ring_bytes)} used
            </Fact>
          )}
          <Fact name="Evidence">
            {plural(current.evidence.sequence, 'record')}, {current.evidence.kept_in ?? 'in memory only'}
          </Fact>
          <Fact name="Boot id">
            <code>{current.boot_id}</code>
          </Fact>
        </dl>
        <p class="muted">
          <a href="/docs">The API of this agent</a>
        </p>
      </Card>
      <Doctor />
      <SelfTest />
      <Card title="Ledger">
        <LedgerTable ledger={current.ledger} decodeErrors={current.decode_errors} />
      </Card>
      <Card title="Hooks">
        <Hooks collector={collector} />
      </Card>
      <Card title="Privileges">
        <Privileges privileges={current.privileges} />
      </Card>
      <Card title="Sources of names">
        <Sources metadata={current.metadata} />
      </Card>
      <Configuration />
    </div>
  );
}

export function Card({
  title,
  note,
  children,
}: {
  title: string;
  note?: ComponentChildren;
  children: ComponentChildren;
}): JSX.Element {
  const id = `card-${title.toLowerCase().replaceAll(' ', '-')}`;
  return (
    <section class="card" aria-labelledby={id}>
      <div class="card-head">
        <h2 id={id}>{title}</h2>
        {note}
      </div>
      {children}
    </section>
  );
}

export function Fact({ name, children }: { name: string; children: ComponentChildren }): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
