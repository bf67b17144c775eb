// What every client command gets: where to write, how, and the agent.
import { ApiClient, type ClientSettings } from './client.ts';
import type { CliDeps } from './deps.ts';
import { type Painter, painter } from './text.ts';

export interface Context {
  readonly deps: CliDeps;
  readonly json: boolean;
  readonly paint: Painter;
  readonly client: ApiClient;
  /** One document as JSON, or the text that `render` makes of it. */
  print(document: unknown, render: () => string): void;
}

export function makeContext(deps: CliDeps, json: boolean, color: boolean, settings: ClientSettings): Context {
  return {
    deps,
    json,
    paint: painter(color),
    client: new ApiClient(settings),
    print(document, render) {
      deps.stdout.write(json ? `${JSON.stringify(document, null, deps.stdout.isTTY ? 2 : 0)}\n` : render());
    },
  };
}
