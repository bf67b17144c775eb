// Addresses of listeners: `host:port`, `[v6]:port`.

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Null when the text is no address. Port 0 lets the kernel choose. */
export function parseListen(text: string): ListenAddress | null {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s/]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) return null;
  return { host: match[1] ?? match[2]!, port };
}

export function formatListen({ host, port }: ListenAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
