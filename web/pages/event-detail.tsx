// All of one event: every field that it has, as the agent sent it.
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Entry } from '../model/event-log.ts';
import { harmless } from '../ui/figures.ts';
import { formatRoute } from '../ui/route.ts';
import { Argv } from './argv.tsx';
import { gapText, outcomeText } from './event-row.tsx';

export function EventDetail({ entry, onClose }: { entry: Entry; onClose: () => void }): JSX.Element {
  const close = useRef<HTMLButtonElement>(null);
  const { record } = entry;
  useEffect(() => {
    close.current!.focus();
  }, []);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key === 'Escape' && !event.defaultPrevented) onClose();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [onClose]);
  return (
    <aside class="detail" aria-labelledby="detail-title">
      <button
        ref={close}
        type="button"
        class="quiet icon close"
        aria-label="Close the event"
        onClick={onClose}
      >
        ✕
      </button>
      <h2 id="detail-title">
        {record.type} {'pid' in record && <span class="muted">{record.pid}</span>}
      </h2>
      {record.type === 'gap' ? (
        <p>{gapText(record)}</p>
      ) : (
        <>
          <Argv argv={record.argv} fallback={outcomeText(record)} wasCut={record.argv_truncated === true} />
          <p>
            <a href={formatRoute({ page: 'processes', id: record.process_id })}>The process and its life</a>
          </p>
        </>
      )}
      <dl class="facts">
        {fieldsOf(entry).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <code>{value}</code>
            </dd>
          </div>
        ))}
      </dl>
    </aside>
  );
}

/** What is missing or already shown above is left out. */
function fieldsOf({ record }: Entry): [string, string][] {
  return Object.entries(record).flatMap(([name, value]) => {
    if (value === null || name === 'argv' || name === 'schema_version') return [];
    return [[name, harmless(typeof value === 'object' ? JSON.stringify(value) : String(value))]];
  });
}
