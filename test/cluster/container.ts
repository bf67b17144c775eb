// The containers of the workloads: short processes in great number, each with its mark, then what the workload is about.
import { MARK_ENVIRONMENT, type MarkTemplate, markTemplate } from './mark.ts';

/** Short processes that each life of a container starts. */
export const RUNS = 150;

/** What a container does after its short processes. */
const ENDINGS = {
  end: 'exit 0',
  wait: 'while :; do sleep 1000; done',
  crash: 'exit 1',
  // A buffer larger than the container's memory, written to: the kernel kills the container's first process.
  'out-of-memory': 'exec /bin/dd if=/dev/zero of=/dev/null bs=512M',
  tick:
    'tick=0; while :; do end=$((tick + 10)); ' +
    'while [ $tick -lt $end ]; do /bin/true "$0" tick-$tick; tick=$((tick + 1)); done; sleep 0.5; done',
} as const;
export type Ending = keyof typeof ENDINGS;

/** $0 is the mark with its life. */
const burst = (ending: Ending) =>
  `run=0; while [ $run -lt ${RUNS} ]; do /bin/true "$0" run-$run; run=$((run + 1)); done; ` +
  `/bin/true "$0" done; ${ENDINGS[ending]}`;

/** Counts the lives of the container in a volume that outlives it, then begins. $0: mark, $1: what to do. */
const START =
  'life=0; if [ -d /lives ]; then [ -f /lives/$CONTAINER ] && read life < /lives/$CONTAINER; ' +
  'echo $((life + 1)) > /lives/$CONTAINER; fi; exec /bin/sh -c "$1" "$0/$life"';

export interface ContainerOptions {
  readonly run: string;
  readonly image: string;
  readonly mark: MarkTemplate;
  readonly ending: Ending;
  /** Whether it is started again, so that it must count its lives. */
  readonly restarts?: boolean;
  readonly memory?: string;
}

export function containerOf({ run, image, mark, ending, restarts, memory }: ContainerOptions): object {
  return {
    name: mark.container,
    image,
    imagePullPolicy: 'IfNotPresent',
    command: ['/bin/sh', '-c', START, markTemplate(run, mark), burst(ending)],
    env: [...MARK_ENVIRONMENT, { name: 'CONTAINER', value: mark.container }],
    ...(restarts === true ? { volumeMounts: [{ name: 'lives', mountPath: '/lives' }] } : {}),
    ...(memory === undefined ? {} : { resources: { limits: { memory } } }),
  };
}

/**
 * The command of a `kubectl exec`. It takes the pod from the container's environment: kubectl's own arguments must not
 * look like those of a process in the container.
 */
export function execCommand(run: string, mark: MarkTemplate): string[] {
  const argument = markTemplate(run, mark).replaceAll(/\$\((\w+)\)/g, '$$$1');
  return ['/bin/sh', '-c', `exec /bin/sh -c "$0" "${argument}/0"`, burst('end')];
}
