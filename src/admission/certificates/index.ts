// The serving certificate of the webhook.
export { MountedCertificate } from './mounted.ts';
export type { Pair } from './pair.ts';
export { CertificateSecret } from './secret.ts';
export { SELF_MADE_TIMES, SelfMadeCertificate, type SelfMadeTimes } from './self-made.ts';
export type { CertificateListener, CertificateSource } from './source.ts';
export { WebhookConfiguration } from './webhook-configuration.ts';
