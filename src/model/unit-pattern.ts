// One name for the systemd units that differ only in a number or an id which systemd or a program made up.
//
// Scopes are always made by programs (systemd.scope(5)), mostly one for each command, session or mount, and so are services
// run by systemd-run and those of sockets with Accept=yes. Their names are without bound over time.

/** Also as systemd writes it in the names of mounts, where a hyphen is `\x2d`. */
const UUID = /[0-9a-f]{8}((?:-|_|\\x2d)[0-9a-f]{4}){3}(?:-|_|\\x2d)[0-9a-f]{12}/gi;
/** Ids of containers, images, invocations. */
const LONG_ID = /(?<![0-9a-z])[a-z]?[0-9a-f]{16,}(?![0-9a-z])/gi;
/** The instance of a service that a socket starts for each connection (systemd.socket(5), Accept=): its number, then who with whom. */
const CONNECTION = /@\d+-.+-.+(?=\.service$)/;
/** Such an instance is `NUMBER-ADDRESS:PORT-ADDRESS:PORT` or `NUMBER-PID-UID`. */
const CONNECTION_PARTS = /^@\d+-(?:[\d.a-f:%]+:\d+-[\d.a-f:%]+:\d+|\d+-\d+(?:_\d+)*)$/i;
/** A part of a name that counts: `12`, `c3` (sessions), `u7`, `p1234`, `i99` (systemd-run). */
const COUNTER = /(?<=[-.@])[a-z]?\d+(?=[-.@])/gi;

/** The name with `*` for what was made up: `run-r0123456789abcdef.scope` becomes `run-*.scope`. Other names stay. */
export function unitPattern(unit: string): string {
  const plain = unit
    .replace(UUID, '*')
    .replace(LONG_ID, '*')
    .replace(CONNECTION, (instance) => (CONNECTION_PARTS.test(instance) ? '@*' : instance));
  return plain.endsWith('.scope') || plain.startsWith('run-') ? plain.replace(COUNTER, '*') : plain;
}
