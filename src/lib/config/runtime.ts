// Container runtimes.
import { z } from 'zod';
import { optional, path } from './values.ts';

export const runtime = z.strictObject({
  cri: path
    .default('auto')
    .describe(
      "containerd's or CRI-O's socket, for names; `auto`: where one is there at start, and in a pod; of several the runtime with the most running containers; `off`",
    ),
  docker: path
    .default('auto')
    .describe("Docker's socket, likewise; `auto`: where it is there at start, but not in a pod"),
  podman: path.default('auto').describe("podman's socket, likewise"),
  host_root: optional(path)
    .default(null)
    .describe("where the host's file system is mounted, to find the sockets of `auto`"),
});
