// `cognitod agent`: runs in the foreground until a signal, prints what it sees, and the ledger at the end.
import { isIP } from 'node:net';
import {
  type AgentCommandOptions,
  bytesText,
  countText,
  EVENT_HEADER,
  EXIT,
  formatEventLine,
  ledgerText,
  painter,
} from '../cli/index.ts';
import { type Config, createLog, loadConfig } from '../lib/index.ts';
import { requireLoopback } from '../serve/index.ts';
import { EventEncoder } from '../encode/index.ts';
import { Agent, type StartReport } from './agent.ts';
import type { PrivilegedStart } from '../start/index.ts';

/** Unwritten output above which events are no longer printed: the terminal or pipe is slower than the node. */
const OUTPUT_BYTES = 4 * 1024 * 1024;
/** An agent that ends because of a bug may take so long for it. */
const LAST_CLOSE_MS = 10_000;

/** Resolves with the exit code. `start` is null only where the configuration is to be checked. Configuration and start errors are thrown as CognitodError. */
export async function runAgent(options: AgentCommandOptions, start: PrivilegedStart | null): Promise<number> {
  const loaded = loadConfig({
    ...(options.configFile === undefined ? {} : { file: options.configFile }),
    env: options.env,
    overrides: options.overrides,
  });
  const { config } = loaded;
  if (options.checkConfig) {
    checkAccess(config);
    options.stdout.write(options.json ? '{"valid":true}\n' : 'the configuration is valid\n');
    return 0;
  }
  if (start === null) throw new Error('nothing was opened');
  const log = createLog(options);
  const abort = new AbortController();
  // From here on a signal ends the agent in order, also in the middle of the start.
  const { promise: stop, resolve: end } = Promise.withResolvers<void>();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      abort.abort();
      end();
    });
  }
  let failed = false;
  let noteUnexpected = (error: unknown) => log.error(`a bug in the agent: ${String(error)}`);
  process.on('unhandledRejection', (error) => noteUnexpected(error));
  // What threw may have stopped in the middle of its work: the agent ends in order, and whoever supervises it starts another.
  process.on('uncaughtException', (error) => {
    noteUnexpected(error);
    if (failed) process.exit(EXIT.failed);
    failed = true;
    log.error('the agent ends, to be started again');
    setTimeout(() => process.exit(EXIT.failed), LAST_CLOSE_MS).unref();
    abort.abort();
    end();
  });
  const started = await Agent.start(loaded, log, abort.signal, start);
  if (started === null) return failed ? EXIT.failed : EXIT.ok;
  const { agent, report } = started;
  noteUnexpected = (error) => agent.noteUnexpected(error);
  if (!report.nodeWide) log.warn(`NOT the whole node is seen: polling /proc, because ${report.reason}`);
  options.stdout.write(
    options.json ? `${JSON.stringify({ type: 'started', ...report })}\n` : startText(report),
  );
  const unsubscribe = config.events.print ? printEvents(agent, options) : () => {};
  await stop;
  unsubscribe();
  await agent.close();
  const paint = painter(options.color);
  options.stdout.write(
    options.json
      ? `${JSON.stringify({ type: 'ledger', ledger: agent.ledger() })}\n`
      : `\n${ledgerText(agent.ledger(), paint)}`,
  );
  return failed ? EXIT.failed : EXIT.ok;
}

function startText(report: StartReport): string {
  const ring = report.ringBytes === null ? 'no ring' : `ring ${bytesText(report.ringBytes)}`;
  return [
    `kernel     Linux ${report.kernel}, ${report.reason}`,
    `hooks      ${report.hooks.join(', ')}; ${ring}`,
    `privileges ${privilegesText(report)}`,
    `processes  ${countText(report.processes)} found at start, ${countText(report.containers)} containers`,
    `API        ${report.apiAddress}   health and metrics  ${report.opsAddress}`,
    'Ctrl-C ends the agent and detaches everything.',
    '',
  ].join('\n');
}

function privilegesText({ capabilities, privilegedSeconds }: StartReport): string {
  const held = capabilities.length === 0 ? 'none in any thread' : capabilities.join(', ');
  if (privilegedSeconds === null) return `${held}; not given up (privileges.drop is false)`;
  return `${held}; what the start needed was given up after ${privilegedSeconds.toFixed(2)} s`;
}

/** A line per event on standard output. Returns the function that ends it. */
function printEvents(agent: Agent, options: AgentCommandOptions): () => void {
  const encoder = new EventEncoder(agent.model);
  const paint = painter(options.color);
  const { stdout } = options;
  let skipped = 0;
  let gone = false;
  // The agent goes on when nobody reads its output any more.
  stdout.on('error', () => {
    gone = true;
  });
  if (!options.json) stdout.write(`${paint('bold', EVENT_HEADER)}\n`);
  return agent.bus.subscribe((batch) => {
    if (gone) return;
    // Lines for people must not cost events: first the ring, then the terminal.
    if (stdout.writableLength > OUTPUT_BYTES || agent.isBehind()) {
      skipped += batch.length;
      return;
    }
    let text = '';
    if (skipped > 0) {
      text += options.json
        ? `${JSON.stringify({ type: 'gap', lost: skipped, reason: 'slow-client' })}\n`
        : `!! ${skipped} events were not printed: more happens than can be printed (the ledger has them)\n`;
      skipped = 0;
    }
    for (const applied of batch) {
      text += options.json ? encoder.text(applied) : formatEventLine(encoder.json(applied), paint);
      text += '\n';
    }
    stdout.write(text);
  });
}

/**
 * What the start would refuse and the configuration alone tells: files need not be where it is checked, nor names of hosts be
 * known there. @throws CognitodError TOKEN_REQUIRED
 */
function checkAccess({ api }: Config): void {
  const { token, token_file, admin_token, admin_token_file, tls, listen } = api;
  const isGuarded = [token, token_file, admin_token, admin_token_file, tls.client_ca_file].some(
    (one) => one !== null,
  );
  const host = listen.host.replace(/^\[(.*)\]$/, '$1');
  if (!isGuarded && isIP(host) !== 0) requireLoopback({ host, port: listen.port });
}
