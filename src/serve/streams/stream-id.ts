// Ids of stream records: the run of the agent and the position in it, so that a restart is noticed.

export function formatStreamId(run: string, position: number): string {
  return `${run}-${position}`;
}

/** The position; null for an id of another run, or for what is no id. */
export function parseStreamId(text: string, run: string): number | null {
  const match = /^([0-9a-f]{8})-(\d{1,15})$/.exec(text);
  return match?.[1] === run ? Number(match[2]) : null;
}
