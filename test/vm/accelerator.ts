// Does KVM work here? Its device may be there and open, and still no guest run.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';

const PATIENCE_MS = 15_000;
let known: Promise<boolean> | undefined;

/** Boots the kernel for a moment: whether anything comes out of it. Asked once. */
export function kvmWorks(qemu: string, image: string): Promise<boolean> {
  known ??= tryKvm(qemu, image);
  return known;
}

async function tryKvm(qemu: string, image: string): Promise<boolean> {
  if (process.env.VM_ACCEL === 'tcg' || !existsSync('/dev/kvm')) return false;
  const guest = spawn(
    qemu,
    [
      ...['-accel', 'kvm', '-cpu', 'max', '-m', '512M', '-nodefaults', '-no-reboot', '-display', 'none'],
      ...['-serial', 'stdio', '-kernel', image, '-append', 'console=ttyS0 earlyprintk=serial panic=-1'],
    ],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  const timer = setTimeout(() => guest.kill('SIGKILL'), PATIENCE_MS);
  try {
    return await new Promise<boolean>((resolve) => {
      let bytes = 0;
      // The firmware alone says less than a kernel's first lines.
      guest.stdout.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > 2000) resolve(true);
      });
      guest.on('error', () => resolve(false)).on('close', () => resolve(false));
    });
  } finally {
    clearTimeout(timer);
    guest.kill('SIGKILL');
  }
}
