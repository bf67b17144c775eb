// What is around every page: name of the node, pages, ledger, connection, theme, help.
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { connection, enterToken, run, status } from '../agent/connection.ts';
import { token } from '../agent/token.ts';
import { Events } from '../pages/events.tsx';
import { Node } from '../pages/node.tsx';
import { Now } from '../pages/now.tsx';
import { Processes } from '../pages/processes.tsx';
import { ConnectionBanner } from './connection-banner.tsx';
import { LedgerHealth } from './ledger-health.tsx';
import { nextTheme, theme } from './preferences.ts';
import { formatRoute, PAGES, type Page, route } from './route.ts';
import { Help, helpOpen } from './shortcuts.tsx';
import { TokenForm } from './token-form.tsx';

const TITLES: Readonly<Record<Page, string>> = {
  now: 'Now',
  processes: 'Processes',
  events: 'Events',
  node: 'Node',
};
const THEME_NAMES = { auto: 'as the system', light: 'light', dark: 'dark' } as const;
const THEME_SIGNS = { auto: '◐', light: '☀', dark: '☾' } as const;

let isFirst = true;

export function Shell(): JSX.Element {
  const { page } = route.value;
  const current = connection.value;
  const node = status.value?.node;
  useEffect(() => {
    document.title = `${TITLES[page]} – ${node === undefined ? 'cognitod' : `${node} – cognitod`}`;
  }, [page, node]);
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById('content')?.focus()}>
        Skip to the content
      </button>
      <header class="top">
        <span class="brand">
          <Mark />
          <span class="node-name" title={node}>
            {node ?? 'cognitod'}
          </span>
        </span>
        <nav aria-label="Pages">
          {PAGES.map((one) => (
            <a key={one} href={formatRoute({ page: one })} aria-current={one === page ? 'page' : undefined}>
              {TITLES[one]}
            </a>
          ))}
        </nav>
        {status.value !== null && current.state !== 'unauthorized' && (
          <LedgerHealth status={status.value} isOld={current.state === 'lost'} />
        )}
        <span class="tools">
          {token.value !== null && (
            <button type="button" class="quiet" onClick={() => enterToken(null)}>
              Forget token
            </button>
          )}
          <button
            type="button"
            class="quiet icon"
            aria-label={`Theme: ${THEME_NAMES[theme.value]}`}
            title={`Theme: ${THEME_NAMES[theme.value]}`}
            onClick={nextTheme}
          >
            {THEME_SIGNS[theme.value]}
          </button>
          <button
            type="button"
            class="quiet icon"
            aria-label="Keyboard shortcuts"
            title="Keyboard shortcuts"
            onClick={() => (helpOpen.value = true)}
          >
            ?
          </button>
        </span>
      </header>
      <ConnectionBanner />
      {current.state === 'unauthorized' ? (
        <TokenForm reason={current.reason} />
      ) : (
        // Another run of the agent: nothing of the last one is kept.
        <Content key={`${run.value} ${page}`} page={page} />
      )}
      <Help />
    </>
  );
}

function Content({ page }: { page: Page }): JSX.Element {
  const main = useRef<HTMLElement>(null);
  useEffect(() => {
    // The page that was left has taken the focus with it. At first there was none: Tab begins at the top.
    if (!isFirst && document.activeElement === document.body) main.current!.focus({ preventScroll: true });
    isFirst = false;
  }, []);
  return (
    <main id="content" ref={main} class={`page ${page}`} tabIndex={-1}>
      <h1 class="unseen">{TITLES[page]}</h1>
      {page === 'now' && <Now />}
      {page === 'processes' && <Processes />}
      {page === 'events' && <Events />}
      {page === 'node' && <Node />}
    </main>
  );
}

function Mark(): JSX.Element {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
      <path
        d="M10 8v16M10 13c0 4 12 1 12 6v5"
        fill="none"
        stroke="currentColor"
        stroke-width="2.8"
        stroke-linecap="round"
      />
      <circle cx="10" cy="8" r="3" fill="currentColor" />
      <circle cx="10" cy="24" r="3" fill="currentColor" />
      <circle cx="22" cy="24" r="3" fill="currentColor" />
    </svg>
  );
}
