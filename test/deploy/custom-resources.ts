// The parts of other operators' custom resources that the chart uses, after their published schemas.
import type { LabelSelector, ObjectMeta } from 'kubernetes-types/meta/v1.d.ts';

/** Prometheus operator, monitoring.coreos.com/v1. */
export interface PodMonitor {
  apiVersion: 'monitoring.coreos.com/v1';
  kind: 'PodMonitor';
  metadata: ObjectMeta;
  spec: {
    selector: LabelSelector;
    podMetricsEndpoints: {
      port?: string;
      path?: string;
      interval?: string;
      honorLabels?: boolean;
      relabelings?: { sourceLabels?: string[]; targetLabel?: string; action?: string }[];
    }[];
  };
}

/** Prometheus operator, monitoring.coreos.com/v1. */
export interface PrometheusRule {
  apiVersion: 'monitoring.coreos.com/v1';
  kind: 'PrometheusRule';
  metadata: ObjectMeta;
  spec: {
    groups: {
      name: string;
      rules: {
        record?: string;
        alert?: string;
        expr: string;
        for?: string;
        labels?: Record<string, string>;
        annotations?: Record<string, string>;
      }[];
    }[];
  };
}

/** cert-manager.io/v1. */
export interface Issuer {
  apiVersion: 'cert-manager.io/v1';
  kind: 'Issuer';
  metadata: ObjectMeta;
  spec: { selfSigned: Record<string, never> };
}

/** cert-manager.io/v1. */
export interface Certificate {
  apiVersion: 'cert-manager.io/v1';
  kind: 'Certificate';
  metadata: ObjectMeta;
  spec: {
    secretName: string;
    dnsNames: string[];
    duration?: string;
    renewBefore?: string;
    privateKey?: {
      algorithm: 'ECDSA' | 'RSA' | 'Ed25519';
      size?: number;
      rotationPolicy?: 'Always' | 'Never';
    };
    usages?: string[];
    issuerRef: { name: string; kind?: 'Issuer' | 'ClusterIssuer'; group?: string };
  };
}
