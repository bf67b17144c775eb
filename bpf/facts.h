/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Fills struct process_facts from a task. */
#pragma once

#include "read.h"
#include "records.h"

static __always_inline __u64 start_of(struct task_struct *leader)
{
	if (bpf_core_field_exists(leader->start_boottime))
		return READ(leader, start_boottime);
	return PROBE((struct task_struct___old *)leader, real_start_time);
}

/* The v1 hierarchy that runtimes use; NULL where memory is on v2 or not compiled in. */
static __always_inline struct cgroup *v1_cgroup_of(struct task_struct *task)
{
	struct cgroup *cgroup;

	if (!bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id))
		return NULL;
	cgroup = READ(task, cgroups, subsys[bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id)], cgroup);
	/* Hierarchy 0 is always the v2 one (cgroup_init in kernel/cgroup/cgroup.c). */
	if (READ(cgroup, root, hierarchy_id) == 0)
		return NULL;
	return cgroup;
}

/* All 64 bits of the effective set. */
static __always_inline __u64 effective_of(const struct cred *cred)
{
	const struct cred___old *old = (const void *)cred;

	if (bpf_core_field_exists(cred->cap_effective.val))
		return READ(cred, cap_effective.val);
	return READ(old, cap_effective.cap[0]) | (__u64)READ(old, cap_effective.cap[1]) << 32;
}

/* The pid in the innermost namespace, which is at an index that is not known before. */
static __always_inline void fill_nested_pid(struct process_facts *facts, struct signal_struct *signal, __u32 level)
{
	/* As a number: before 6.4 verifiers allow no arithmetic with a variable on a typed pointer. */
	struct pid *pid = PROBE(signal, pids[PIDTYPE_TGID]);
	struct upid upid = {};
	__u64 offset = bpf_core_field_offset(pid->numbers) + (__u64)level * bpf_core_type_size(struct upid);

	bpf_probe_read_kernel(&upid.nr, sizeof(upid.nr), (char *)pid + offset + bpf_core_field_offset(struct upid, nr));
	bpf_probe_read_kernel(&upid.ns, sizeof(upid.ns), (char *)pid + offset + bpf_core_field_offset(struct upid, ns));
	facts->ns_pid = upid.nr;
	facts->pid_ns = PROBE(upid.ns, ns.inum);
}

/* `task` may be any thread: the facts are those of its process. Name and user are the leader's, which outlives the other
 * threads; what a dead leader has given back, and its cgroup, which it does not leave any more, are the thread's. */
static __always_inline void fill_facts(struct process_facts *facts, struct task_struct *task)
{
	struct task_struct *leader = READ(task, group_leader);
	struct task_struct *parent = READ(task, real_parent);
	struct signal_struct *signal = READ(task, signal);
	struct pid *pid = READ(signal, pids[PIDTYPE_TGID]);
	struct nsproxy *nsproxy = READ(task, nsproxy);
	const struct cred *cred = READ(leader, cred);
	struct cgroup *v1 = v1_cgroup_of(task);
	__u32 level = READ(pid, level);

	facts->start_ns = start_of(leader);
	facts->parent_start_ns = start_of(READ(parent, group_leader));
	facts->pid = READ(task, tgid);
	facts->parent_pid = READ(parent, tgid);
	facts->cgroup_id = READ(task, cgroups, dfl_cgrp, kn, id);
	facts->cgroup_v1_id = v1 ? READ(v1, kn, id) : 0;
	facts->uid = READ(cred, uid.val);
	facts->gid = READ(cred, gid.val);
	facts->euid = READ(cred, euid.val);
	facts->cap_effective = effective_of(cred);
	facts->mnt_ns = READ(nsproxy, mnt_ns, ns.inum);
	facts->cgroup_ns = READ(nsproxy, cgroup_ns, ns.inum);
	facts->flags = READ(task, flags) & PF_KTHREAD ? PROCESS_KERNEL_THREAD : 0;
	facts->loginuid = bpf_core_field_exists(task->loginuid) ? READ(leader, loginuid.val) : (__u32)-1;
	facts->session_id = bpf_core_field_exists(task->sessionid) ? READ(leader, sessionid) : (__u32)-1;
	facts->exec_id = READ(leader, self_exec_id);
	facts->ns_pid = facts->pid;
	facts->pid_ns = 0;
	if (level == 0)
		facts->pid_ns = READ(pid, numbers[0].ns, ns.inum);
	else if (may_read_kernel)
		fill_nested_pid(facts, signal, level);
	else
		facts->ns_pid = 0;
#ifdef COGNITOD_RAW_TP
	bpf_probe_read_kernel(facts->comm, sizeof(facts->comm), &leader->comm);
#else
	__builtin_memcpy(facts->comm, leader->comm, sizeof(facts->comm));
#endif
}
