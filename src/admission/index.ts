// The mutating admission webhook that injects the agent into pods that ask for it: `cognitod admission`.
export { runAdmission } from './run-admission.ts';
