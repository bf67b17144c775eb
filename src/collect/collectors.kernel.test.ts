// The eBPF collector keeps the contract of all collectors, with either kind of tracepoint. Needs root and BPF.
import { cannotUseBpf } from '../../test/support/observe.ts';
import { checkLayout, NOTHING_MASKED } from '../decode/index.ts';
import { loadPrograms } from '../kernel/index.ts';
import { boottimeNs } from '../os/index.ts';
import { collectorContract } from './collector.contract.ts';
import { EbpfCollector, ProcfsCollector } from './index.ts';

const onError = (error: unknown) => {
  throw error;
};
const mask = () => NOTHING_MASKED;

for (const hooks of ['tp_btf', 'raw_tp'] as const) {
  collectorContract(
    `eBPF with ${hooks}`,
    () => {
      const programs = loadPrograms({
        hooks,
        ringBytes: 8 * 1024 * 1024,
        argvBytes: 4096,
        btfPath: null,
        checkTypes: checkLayout,
      });
      const listProcesses = new ProcfsCollector({
        procRoot: '/proc',
        intervalMs: 1000,
        boottimeNs,
        mask,
        onError,
      });
      return new EbpfCollector(programs, {
        mask,
        onError,
        procRoot: '/proc',
        listProcesses: (deliver) => listProcesses.listForSnapshot(deliver),
      });
    },
    { skip: cannotUseBpf() },
  );
}
