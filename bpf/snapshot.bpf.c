// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* Lists all live processes, and the cgroups they are in, through a task iterator. */
#include "kernel-types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "cgroup-path.h"
#include "facts.h"
#include "records.h"

/* One reader at a time: iterators can be preempted. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cgroup_path_record);
} cgroup_scratches SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, __u8);
} named_v2 SEC(".maps"), named_v1 SEC(".maps");

/* 0 when the path was written or need not be. */
static __noinline long write_cgroup(struct seq_file *seq, struct cgroup *cgroup, __u64 id, _Bool v1)
{
	struct cgroup_path_record *scratch;
	__u32 zero = 0, size, used;

	if (v1 ? bpf_map_lookup_elem(&named_v1, &id) : bpf_map_lookup_elem(&named_v2, &id))
		return 0;
	scratch = bpf_map_lookup_elem(&cgroup_scratches, &zero);
	if (!scratch)
		return -1;
	if (may_read_kernel)
		used = fill_path(&scratch->record, scratch->data, CGROUP_PATH_BYTES, cgroup->kn);
	else
		used = fill_parent(&scratch->record, (__u64 *)scratch->data, cgroup->kn);
	size = finish_cgroup(&scratch->record, id, cgroup->root->hierarchy_id, used);
	if (size > sizeof(*scratch))
		return -1;
	return bpf_seq_write(seq, scratch, size);
}

SEC("iter/task")
int list_tasks(struct bpf_iter__task *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct task_struct *task = ctx->task;
	struct snapshot_record record = {};
	struct cgroup *v2, *v1;
	__u64 v2_id, v1_id = 0;
	__u8 yes = 1;

	if (!task || task->pid != task->tgid)
		return 0;
	/* A zombie: its exit has been told, or happened before anyone listened. */
	if (task->signal->live.counter == 0)
		return 0;
	v2 = task->cgroups->dfl_cgrp;
	v2_id = v2->kn->id;
	v1 = v1_cgroup_of(task);
	if (v1)
		v1_id = v1->kn->id;
	record.header.kind = RECORD_SNAPSHOT;
	record.header.size = sizeof(record);
	record.header.ktime_ns = bpf_ktime_get_boot_ns();
	fill_facts(&record.process, task);

	/* When the page is full all that was written for this task is taken back and the task is visited again:
	 * remember the cgroups only when everything fitted. */
	if (write_cgroup(seq, v2, v2_id, 0) || (v1 && write_cgroup(seq, v1, v1_id, 1)) ||
	    bpf_seq_write(seq, &record, sizeof(record)))
		return 0;
	bpf_map_update_elem(&named_v2, &v2_id, &yes, BPF_ANY);
	if (v1)
		bpf_map_update_elem(&named_v1, &v1_id, &yes, BPF_ANY);
	return 0;
}

EXPORT_TYPE(struct snapshot_record, snapshot_record);
EXPORT_TYPE(struct cgroup_record, cgroup_record);

char LICENSE[] SEC("license") = "Dual BSD/GPL";
