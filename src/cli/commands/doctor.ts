// `cognitod doctor`: whether the agent sees what it should, or could here.
import { type DoctorJson, routes, SCHEMA_VERSION, type StatusJson } from '../../api/index.ts';
import { loadConfig } from '../../lib/index.ts';
import type { Context } from '../context.ts';
import type { Diagnosis } from '../deps.ts';
import { watchEvents } from '../event-watch.ts';
import { EXIT } from '../exit-codes.ts';
import { harmless, type Painter } from '../text.ts';

export interface DoctorOptions {
  readonly configFile: string | undefined;
  readonly beforeInstall: boolean;
  readonly manifest: boolean;
}

const PAINT = { ok: 'green', warn: 'yellow', fail: ['bold', 'red'], skip: 'dim' } as const;

/** Resolves with the exit code: 1 when a check failed. */
export async function doctor(context: Context, options: DoctorOptions): Promise<number> {
  const { client, deps } = context;
  const { config } = loadConfig({
    ...(options.configFile === undefined ? {} : { file: options.configFile }),
    env: deps.env,
  });
  const agent = {
    address: client.address,
    status: (): Promise<StatusJson> => client.get(routes.status),
    watch: () => watchEvents(client),
  };
  const { diagnose } = await deps.loadDoctor();
  const diagnosis = await diagnose(config, options.beforeInstall || options.manifest ? null : agent);
  if (options.manifest) {
    await context.output.write(context.json ? `${JSON.stringify(diagnosis)}\n` : diagnosis.manifest);
    return EXIT.ok;
  }
  const { checks } = diagnosis;
  const failed = checks.filter(({ result }) => result === 'fail').length;
  const document: DoctorJson = {
    schema_version: SCHEMA_VERSION,
    time: new Date().toISOString(),
    ok: failed === 0,
    failed,
    checks: [...checks],
  };
  await context.print(document, () => textOf(checks, context.paint));
  return failed === 0 ? EXIT.ok : EXIT.failed;
}

function textOf(checks: Diagnosis['checks'], paint: Painter): string {
  const width = Math.max(...checks.map(({ id }) => id.length));
  const lines = checks.flatMap(({ id, title, result, reason, fix }) => [
    `${paint(PAINT[result], result.padEnd(4))}  ${id.padEnd(width)}  ${title}`,
    `${' '.repeat(width + 8)}${harmless(reason)}`,
    ...(fix === null || result === 'ok' ? [] : [`${' '.repeat(width + 8)}→ ${harmless(fix)}`]),
  ]);
  const count = (wanted: string) => checks.filter(({ result }) => result === wanted).length;
  return `${lines.join('\n')}\n${count('ok')} ok, ${count('warn')} warnings, ${count('fail')} failed, ${count('skip')} skipped\n`;
}
