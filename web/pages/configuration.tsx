// The configuration in effect and where each value is from; what is not the default first.
import type { ComponentChildren, JSX } from 'preact';
import { useSignal } from '@preact/signals';
import { useDocument } from '../agent/poll.ts';
import { harmless } from '../ui/figures.ts';
import { Empty, Failed, Loading } from '../ui/states.tsx';
import { Card } from './node.tsx';

const TITLE = 'Configuration in effect';

export function Configuration(): JSX.Element {
  const search = useSignal('');
  const answer = useDocument('configuration', null).value;
  if (answer === null) {
    return (
      <Card title={TITLE}>
        <Loading what="the configuration" />
      </Card>
    );
  }
  if (!answer.ok) {
    return (
      <Card title={TITLE}>
        <Failed what="its configuration" failure={answer.failure} />
      </Card>
    );
  }
  const words = search.value.toLowerCase();
  const keys = answer.value.keys
    .filter(({ key, description }) => `${key} ${description}`.toLowerCase().includes(words))
    .sort((a, b) => Number(a.source === 'default') - Number(b.source === 'default'));
  return (
    <Card
      title={TITLE}
      note={
        <input
          type="search"
          data-search
          class="search"
          aria-label="Search the configuration"
          placeholder="Search…"
          value={search.value}
          onInput={(event) => (search.value = event.currentTarget.value)}
        />
      }
    >
      {keys.length === 0 ? (
        <Empty title="No key matches" />
      ) : (
        <dl class="keys-of-configuration">
          {keys.map(({ key, value, secret, source, place, description }) => (
            <div key={key} class={source === 'default' ? '' : 'changed'}>
              <dt>
                <code>{key}</code>
                <span class="muted line">{withCode(description)}</span>
              </dt>
              <dd>
                <code class={secret ? 'muted' : ''}>{valueText(value)}</code>
                <span class="muted line">{place === null ? source : `${source}: ${harmless(place)}`}</span>
              </dd>
            </div>
          ))}
        </dl>
      )}
      <p class="muted hash">
        SHA-256 of all values: <code>{answer.value.sha256}</code>
      </p>
    </Card>
  );
}

/** What stands between backticks is code. */
function withCode(text: string): ComponentChildren {
  return text.split('`').map((part, index) => (index % 2 === 0 ? part : <code key={index}>{part}</code>));
}

function valueText(value: unknown): string {
  if (value === null || value === undefined) return 'not set';
  if (isAddress(value)) return `${harmless(value.host)}:${value.port}`;
  return harmless(typeof value === 'string' ? value : JSON.stringify(value));
}

function isAddress(value: unknown): value is { host: string; port: number } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'host' in value &&
    typeof value.host === 'string' &&
    'port' in value
  );
}
