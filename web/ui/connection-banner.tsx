// Says that the agent does not answer, and when it is asked again.
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { checkNow, connection } from '../agent/connection.ts';

const TICK_MS = 500;

export function ConnectionBanner(): JSX.Element {
  const current = connection.value;
  return (
    <div role="status" class="banners">
      {current.state === 'lost' && (
        <div class="banner bad">
          <strong>Connection lost</strong>
          <span>
            {current.reason}; what is shown may be old. <Countdown until={current.retryAt} />
          </span>
          <button type="button" onClick={checkNow}>
            Retry now
          </button>
        </div>
      )}
    </div>
  );
}

/** Not read out: each second anew would be noise. */
function Countdown({ until }: { until: number }): JSX.Element {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  const seconds = Math.max(0, Math.ceil((until - now) / 1000));
  return <span aria-hidden="true">{seconds === 0 ? 'Retrying…' : `Retrying in ${seconds} s.`}</span>;
}
