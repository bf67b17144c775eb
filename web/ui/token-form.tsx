// Asks for the token where the agent needs one.
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { enterToken } from '../agent/connection.ts';

export function TokenForm({ reason }: { reason: string | null }): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  // There is nothing else to do on this page.
  useEffect(() => input.current!.focus(), []);
  return (
    <main id="content" class="token" tabIndex={-1}>
      <form
        class="card"
        onSubmit={(event) => {
          event.preventDefault();
          const given = input.current!.value.trim();
          if (given !== '') enterToken(given);
        }}
      >
        <h1>Token</h1>
        <p>This agent answers only to who has its token: what is in the file of api.token_file.</p>
        <label for="token">Read or admin token</label>
        <input
          ref={input}
          id="token"
          type="password"
          autocomplete="off"
          spellcheck={false}
          required
          aria-describedby={reason === null ? undefined : 'token-problem'}
          aria-invalid={reason !== null}
        />
        {reason !== null && (
          <p id="token-problem" class="bad" role="alert">
            Refused: {reason}
          </p>
        )}
        <button type="submit" class="primary">
          Continue
        </button>
        <p class="muted">It stays in this tab and is forgotten when the tab is closed.</p>
      </form>
    </main>
  );
}
