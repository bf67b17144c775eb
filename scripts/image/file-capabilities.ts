// The file capabilities of the image's Node: what mode B may ask for as a user that is not root, and nothing else.

/**
 * As setcap takes them. Permitted only: a process gets those that its container was given too (the bounding set), so in mode B by
 * default BPF and PERFMON. With the effective bit exec fails with EPERM where the bounding set lacks one of them.
 */
export const FILE_CAPABILITIES = 'cap_bpf,cap_perfmon,cap_setpcap,cap_sys_ptrace+p';
