// The arguments of a process, each in its own line, whatever is in them.
import type { JSX } from 'preact';
import { useSignal } from '@preact/signals';
import { countText, harmless } from '../ui/figures.ts';

const FIRST_ARGUMENTS = 40;
/** Of one argument; the rest on demand. */
const FIRST_CHARS = 1_000;

export interface ArgvProps {
  readonly argv: readonly string[] | null;
  readonly fallback: string;
  /** There was more than the agent keeps. */
  readonly wasCut: boolean;
}

export function Argv({ argv, fallback, wasCut }: ArgvProps): JSX.Element {
  const whole = useSignal(false);
  if (argv === null) return <p class="argv single">{fallback}</p>;
  const texts = argv.map(harmless);
  const isCut = texts.length > FIRST_ARGUMENTS || texts.some((text) => text.length > FIRST_CHARS);
  const shown = whole.value
    ? texts
    : texts
        .slice(0, FIRST_ARGUMENTS)
        .map((text) => (text.length > FIRST_CHARS ? `${text.slice(0, FIRST_CHARS)}…` : text));
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
      <ol class="argv" aria-label="Arguments" start={0} tabIndex={0}>
        {shown.map((text, index) => (
          <li key={index}>
            <bdi>{text === '' ? <span class="muted">empty</span> : text}</bdi>
          </li>
        ))}
      </ol>
      {wasCut && <p class="muted">Cut by the agent after kernel.argv_bytes.</p>}
      {isCut && (
        <button type="button" onClick={() => (whole.value = !whole.value)}>
          {whole.value ? 'Show less' : `Show all ${countText(texts.join(' ').length)} characters`}
        </button>
      )}
    </>
  );
}
