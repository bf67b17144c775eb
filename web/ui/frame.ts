// Draws at most so often: changes come by the thousand, and nobody reads faster.
import { useEffect, useState } from 'preact/hooks';

const PERIOD_MS = 200;

/** Renders the component again, within a fifth of a second, when `version` gives another number. */
export function useChanges(version: () => number): void {
  const [, setSeen] = useState(version());
  useEffect(() => {
    let frame = 0;
    let last = 0;
    const look = (now: number) => {
      frame = requestAnimationFrame(look);
      if (now - last < PERIOD_MS) return;
      last = now;
      setSeen(version());
    };
    frame = requestAnimationFrame(look);
    return () => cancelAnimationFrame(frame);
  }, [version]);
}
