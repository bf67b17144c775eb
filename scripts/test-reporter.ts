// Prints a JSON line for each finished test, a progress line for each file, and what the tests printed themselves.
import { relative } from 'node:path';
import type { TestEvent } from 'node:test/reporters';

// The runner loads a reporter by its default export.
// biome-ignore lint/style/noDefaultExport: the test runner's interface
export default async function* report(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  let file = '';
  for await (const { type, data } of source) {
    if (type === 'test:stdout' || type === 'test:stderr') yield data.message;
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const details = data.details as { type?: string; error?: { cause?: unknown } };
    // A suite is its tests; a suite that fails without them is not lost, since its failing hook is a test.
    if (details.type === 'suite' && type === 'test:pass') continue;
    const name = relative(process.cwd(), data.file ?? '');
    if (details.type === 'suite' && isSubtestFailure(details.error)) continue;
    if (name !== file) {
      file = name;
      yield `${file}\n`;
    }
    const skipped = data.skip !== undefined && data.skip !== false;
    const kind = skipped ? 'skip' : data.todo ? 'todo' : type === 'test:pass' ? 'pass' : 'fail';
    const reason = skipped ? data.skip : data.todo;
    const error = type === 'test:fail' ? describe(details.error) : undefined;
    yield `${JSON.stringify({ kind, name: data.name, file, reason: typeof reason === 'string' ? reason : undefined, error })}\n`;
  }
}

function isSubtestFailure(error: unknown): boolean {
  return (error as { failureType?: string } | undefined)?.failureType === 'subtestsFailed';
}

function describe(error: { cause?: unknown } | undefined): string {
  const cause = error?.cause ?? error;
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}
