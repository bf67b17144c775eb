// What a page shows when there is nothing to show: not yet, nothing, or not possible.
import type { ComponentChildren, JSX } from 'preact';
import type { Failure } from '../agent/api.ts';

export function Loading({ what }: { what: string }): JSX.Element {
  return (
    <div class="state" role="status">
      <span class="spinner" aria-hidden="true" />
      Loading {what}…
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }): JSX.Element {
  return (
    <div class="state">
      <strong>{title}</strong>
      {children}
    </div>
  );
}

/** `what` is in the middle of a sentence: `the checks`. */
export function Failed({ what, failure }: { what: string; failure: Failure }): JSX.Element {
  const isOld = failure.kind === 'refused' && failure.status === 404;
  return (
    <div class="state" role="alert">
      <strong>{isOld ? `This agent does not know ${what}` : `There is no answer about ${what}`}</strong>
      <span>{failure.detail}</span>
    </div>
  );
}
