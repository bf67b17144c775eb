// What the types of kubernetes-types 1.30.0 lack: its generator drops fields that are called `resources` and `scope`.
import type {} from 'kubernetes-types/admissionregistration/v1.d.ts';

type Scope = '*' | 'Cluster' | 'Namespaced';

declare module 'kubernetes-types/admissionregistration/v1.d.ts' {
  interface RuleWithOperations {
    resources: string[];
    scope?: Scope;
  }
  interface NamedRuleWithOperations {
    resources: string[];
    scope?: Scope;
  }
}
