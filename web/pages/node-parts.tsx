// Parts of the node's page that come from the status: hooks, privileges, sources of names.
import type { JSX } from 'preact';
import type { StatusJson } from '../../src/api/index.ts';
import { countText, dateText } from '../ui/figures.ts';
import { Empty } from '../ui/states.tsx';
import { Fact } from './node.tsx';

export function Hooks({ collector }: { collector: StatusJson['collector'] }): JSX.Element {
  if (collector.hooks.length === 0) {
    return (
      <Empty title="No program is in the kernel">
        <span>{collector.reason}</span>
      </Empty>
    );
  }
  return (
    <table class="inset">
      <thead>
        <tr>
          <th scope="col">Hook</th>
          <th scope="col">Program</th>
          <th scope="col">State</th>
          <th scope="col" class="figures">
            Runs
          </th>
        </tr>
      </thead>
      <tbody>
        {collector.programs.map(({ hook, name, id, attached, runs }) => (
          <tr key={id}>
            <th scope="row">
              <code>{hook.replace('tp_btf/', '')}</code>
            </th>
            <td>
              {name} <span class="muted">{id}</span>
            </td>
            <td>
              <span class={`chip ${attached ? 'ok' : 'bad'}`}>{attached ? 'attached' : 'not attached'}</span>
            </td>
            <td class="figures">
              {runs === null ? <span class="muted">not counted</span> : countText(runs)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function Privileges({ privileges }: { privileges: StatusJson['privileges'] }): JSX.Element {
  const set = (names: readonly string[]) =>
    names.length === 0 ? (
      <span class="chip ok">none</span>
    ) : (
      names.map((name) => name.replace(/^CAP_/, '')).join(', ')
    );
  const { privileged_seconds: seconds } = privileges;
  return (
    <dl class="facts wide">
      <Fact name="Effective">{set(privileges.cap_effective)}</Fact>
      <Fact name="Permitted">{set(privileges.cap_permitted)}</Fact>
      <Fact name="Bounding">{set(privileges.cap_bounding)}</Fact>
      <Fact name="Ambient">{set(privileges.cap_ambient)}</Fact>
      <Fact name="Given up">
        {privileges.dropped ? 'yes' : 'no'}
        {seconds !== null && `, ${seconds.toFixed(2)} s after the start`}
        {privileges.kept.length > 0 && `; kept: ${privileges.kept.join(', ')}`}
      </Fact>
      <Fact name="An exec can give more">{privileges.no_new_privs ? 'no (no_new_privs)' : 'yes'}</Fact>
      <Fact name="Seccomp">
        {privileges.seccomp}
        {privileges.confinement.system_calls && ', by its own filter'}
      </Fact>
      <Fact name="Landlock">
        {privileges.confinement.landlock === null
          ? 'off'
          : `version ${privileges.confinement.landlock}: what it writes and starts is limited`}
      </Fact>
      <Fact name="Runs as">
        uid {privileges.uid}, gid {privileges.gid}, {privileges.threads} threads
      </Fact>
    </dl>
  );
}

const STATE_LEVELS: Readonly<Record<string, string>> = { ok: 'ok', starting: 'skip' };

export function Sources({ metadata }: { metadata: StatusJson['metadata'] }): JSX.Element {
  if (metadata.sources.length === 0) {
    return (
      <Empty title="Nobody is asked for names">
        <span>Neither a Kubernetes API nor a container runtime was found or configured.</span>
      </Empty>
    );
  }
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <section class="scroll-x" tabIndex={0} aria-label="Table of the sources of names">
      <table>
        <thead>
          <tr>
            <th scope="col">Source</th>
            <th scope="col">State</th>
            <th scope="col">Endpoint</th>
            <th scope="col" class="figures">
              Objects
            </th>
            <th scope="col" class="figures">
              Requests
            </th>
            <th scope="col" class="figures">
              Failures
            </th>
            <th scope="col">Last success</th>
          </tr>
        </thead>
        <tbody>
          {metadata.sources.map((source) => (
            <tr key={`${source.name} ${source.endpoint}`}>
              <th scope="row">{source.name}</th>
              <td>
                <span class={`chip ${STATE_LEVELS[source.state] ?? 'bad'}`}>{source.state}</span>
                {source.reason !== null && <span class="line muted">{source.reason}</span>}
              </td>
              <td>
                <code>{source.endpoint}</code>
              </td>
              <td class="figures">{countText(source.objects)}</td>
              <td class="figures">{countText(source.requests)}</td>
              <td class="figures">{countText(source.failures)}</td>
              <td>{source.last_success === null ? 'never' : dateText(source.last_success)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
