// The pods of a small shop and what runs in them, for tests and screenshots.
import type { Stage, StagePod } from './stage.ts';

const deployment = (name: string, hash: string) => ({
  labels: { app: name, 'pod-template-hash': hash },
  owner: { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `${name}-${hash}` },
});

export const PODS = {
  api1: { namespace: 'shop', name: 'api-7f9c6d-4xk2p', container: 'api', ...deployment('api', '7f9c6d') },
  api2: { namespace: 'shop', name: 'api-7f9c6d-w8t5q', container: 'api', ...deployment('api', '7f9c6d') },
  checkout: {
    namespace: 'shop',
    name: 'checkout-58d7b9-zr6nm',
    container: 'checkout',
    ...deployment('checkout', '58d7b9'),
  },
  ledger: {
    namespace: 'shop-payments',
    name: 'ledger-0',
    container: 'postgres',
    owner: { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'ledger' },
  },
  report: {
    namespace: 'shop-reports',
    name: 'nightly-report-x7vlc',
    container: 'report',
    owner: { apiVersion: 'batch/v1', kind: 'Job', name: 'nightly-report' },
  },
  logs: {
    namespace: 'shop-logs',
    name: 'log-shipper-9d2kf',
    container: 'shipper',
    owner: { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'log-shipper' },
  },
} as const satisfies Record<string, StagePod>;

const WORKERS = 'for n in 1 2 3; do (while :; do sleep 2; done) & done; while :; do sleep 1; done';

/** Servers with workers, a job whose steps fail now and then, checks several times a second. */
export function play({ runIn }: Stage): void {
  runIn(PODS.api1, 'api', WORKERS, ['--port=8080', '--workers=3']);
  runIn(PODS.api2, 'api', WORKERS, ['--port=8080', '--workers=3']);
  const price = 'while :; do cat /proc/uptime >/dev/null; sleep 0.4; done';
  runIn(PODS.checkout, 'checkout', price, ['--currency=EUR', '--token=a-secret-that-is-masked']);
  runIn(PODS.ledger, 'postgres', WORKERS, ['-D', '/var/lib/postgresql/data', '-c', 'max_connections=200']);
  const report = 'while :; do ls /no/such/export; date >/dev/null; sleep 0.7; done';
  runIn(PODS.report, 'report', report, ['--day', 'yesterday', '--format', 'parquet']);
  const ship = 'while :; do grep -c . /etc/hostname >/dev/null; sleep 0.25; done';
  runIn(PODS.logs, 'shipper', ship, ['--to', 'https://logs.example:9200', '--batch', '500']);
}
