// The filters of the events: chosen here, kept in the address, applied by the agent.
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { useSignal } from '@preact/signals';
import { EVENT_TYPES, FILTER_FIELDS, type FilterField, typeQuery, typesOf } from '../model/filters.ts';
import { setQuery } from '../ui/route.ts';

/** Each change opens another stream: not while somebody types. */
const TYPING_MS = 400;

export function FilterBar({ filters }: { filters: Readonly<Record<string, string>> }): JSX.Element {
  const types = typesOf(filters);
  const isFiltered = Object.keys(filters).length > 0;
  const open = useSignal(FILTER_FIELDS.some(({ name }) => filters[name] !== undefined) || wide());
  return (
    <form class="filters" aria-label="Filters" onSubmit={(event) => event.preventDefault()}>
      <fieldset class="segments">
        <legend class="unseen">Types</legend>
        {EVENT_TYPES.map((type) => (
          <label key={type} class="segment">
            <input
              type="checkbox"
              checked={types.has(type)}
              onChange={(event) => {
                const next = new Set(types);
                if (event.currentTarget.checked) next.add(type);
                else next.delete(type);
                setQuery({ type: typeQuery(next) });
                // The last one cannot be taken away: then all are shown again.
                event.currentTarget.checked = next.size === 0 || next.has(type);
              }}
            />
            {type}
          </label>
        ))}
      </fieldset>
      <button
        type="button"
        class="fold"
        aria-expanded={open.value}
        aria-controls="filter-fields"
        onClick={() => (open.value = !open.value)}
      >
        Filters
      </button>
      {isFiltered && (
        <button
          type="button"
          class="quiet"
          onClick={() =>
            setQuery({ type: null, ...Object.fromEntries(FILTER_FIELDS.map(({ name }) => [name, null])) })
          }
        >
          Clear
        </button>
      )}
      <div id="filter-fields" class="fields" hidden={!open.value}>
        {FILTER_FIELDS.map((field) => (
          <Field key={field.name} field={field} value={filters[field.name] ?? ''} />
        ))}
      </div>
    </form>
  );
}

const wide = () => matchMedia('(min-width: 1000px)').matches;

function Field({ field, value }: { field: FilterField; value: string }): JSX.Element {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const input = useRef<HTMLInputElement>(null);
  const set = (text: string) => setQuery({ [field.name]: text.trim() });
  useEffect(() => () => clearTimeout(timer.current), []);
  useEffect(() => {
    if (document.activeElement !== input.current) input.current!.value = value;
  }, [value]);
  return (
    <input
      ref={input}
      type="text"
      aria-label={field.label}
      placeholder={field.label}
      title={`${field.label}, e.g. ${field.hint}`}
      data-search={field.name === FILTER_FIELDS[0]!.name ? '' : undefined}
      defaultValue={value}
      class={value === '' ? '' : 'set'}
      autocomplete="off"
      spellcheck={false}
      onInput={(event) => {
        const text = event.currentTarget.value;
        clearTimeout(timer.current);
        timer.current = setTimeout(() => set(text), TYPING_MS);
      }}
      onKeyDown={(event) => {
        if (event.key !== 'Enter') return;
        clearTimeout(timer.current);
        set(event.currentTarget.value);
      }}
    />
  );
}
