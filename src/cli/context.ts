// What every client command gets: where to write, how, and the agent.
import { ApiClient, type ClientSettings } from './client.ts';
import type { CliDeps } from './deps.ts';
import { type Painter, painter } from './text.ts';
import type { Writer } from './writer.ts';

export interface Context {
  readonly deps: CliDeps;
  readonly output: Writer;
  /** For programs, not for people. */
  readonly json: boolean;
  /** Makes YAML of a JSON text; null when JSON is wanted. */
  readonly yaml: ((json: string) => string) | null;
  readonly paint: Painter;
  readonly client: ApiClient;
  /** One document as JSON, or the text that `render` makes of it. */
  print(document: unknown, render: () => string): Promise<void>;
}

export function makeContext(
  deps: CliDeps,
  output: Writer,
  { json, yaml }: Pick<Context, 'json' | 'yaml'>,
  color: boolean,
  settings: ClientSettings,
): Context {
  const documentText = (document: unknown) =>
    yaml?.(JSON.stringify(document)) ?? `${JSON.stringify(document, null, output.isTTY ? 2 : 0)}\n`;
  return {
    deps,
    output,
    json,
    yaml,
    paint: painter(color),
    client: new ApiClient(settings),
    print: (document, render) => output.write(json ? documentText(document) : render()),
  };
}
