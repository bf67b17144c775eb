// The signals of this thread, called through koffi.
import koffi from 'koffi';

const libc = koffi.load('libc.so.6');
/** glibc's sigset_t: 1024 bits. */
const SIGSET_BYTES = 128;
const SIG_SETMASK = 2;
const pthreadSigmask = libc.func('int pthread_sigmask(int how, const void *set, _Out_ void *old)') as (
  how: number,
  set: Uint8Array,
  old: Uint8Array | null,
) => number;

/**
 * Holds this thread's signals back meanwhile: the kernel's verifier gives up with EAGAIN when one is pending, and a
 * profiler sends a thousand in a second (kernel/bpf/verifier.c, do_check). Other threads still take the signals of the
 * process.
 */
export function withSignalsBlocked<T>(work: () => T): T {
  const before = new Uint8Array(SIGSET_BYTES);
  pthreadSigmask(SIG_SETMASK, new Uint8Array(SIGSET_BYTES).fill(0xff), before);
  try {
    return work();
  } finally {
    pthreadSigmask(SIG_SETMASK, before, null);
  }
}
