/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Sends the path of a cgroup once, before the first event that needs it. */
#pragma once

#include "cgroup-path.h"
#include "facts.h"
#include "ring.h"

/* Room for the path of a cgroup in the ring; the few longer ones take all of CGROUP_PATH_BYTES. */
#define SHORT_PATH_BYTES 512

/* Cgroups whose path has been sent. Losing an entry only sends a path again. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, __u8);
} named_v2 SEC(".maps"), named_v1 SEC(".maps");

/* Writes the record of a cgroup right into the ring; `room` is a constant. 0 when it is there, 1 when the path is longer. */
#define SEND_CGROUP(room, last)                                                                                       \
	({                                                                                                            \
		struct {                                                                                              \
			struct cgroup_record record;                                                                  \
			char data[(room) + CGROUP_NAME_BYTES];                                                        \
		} *sent = bpf_ringbuf_reserve(&ring, sizeof(*sent), 0);                                               \
		long result = -1;                                                                                     \
		if (sent) {                                                                                           \
			__u32 used = fill_path(&sent->record, sent->data, room, READ(cgroup, kn));                    \
			finish_cgroup(&sent->record, id, hierarchy_id, used);                                         \
			result = !(last) && used > (room) - 1;                                                        \
			if (result)                                                                                   \
				bpf_ringbuf_discard(sent, 0);                                                         \
			else                                                                                          \
				bpf_ringbuf_submit(sent, 0);                                                          \
		}                                                                                                     \
		result;                                                                                               \
	})

static __always_inline long send_parent(struct cgroup *cgroup, __u64 id, __u32 hierarchy_id)
{
	struct {
		struct cgroup_record record;
		__u64 parent_id;
	} sent = {};
	__u32 used = fill_parent(&sent.record, &sent.parent_id, READ(cgroup, kn));

	finish_cgroup(&sent.record, id, hierarchy_id, used);
	return bpf_ringbuf_output(&ring, &sent, sizeof(sent), 0);
}

/* Sends the path of a cgroup unless it has been sent. False when the ring was full: the next event of the
 * cgroup tries again. */
static __noinline _Bool name_cgroup(struct cgroup *cgroup, __u64 id, _Bool v1)
{
	__u32 hierarchy_id = READ(cgroup, root, hierarchy_id);
	__u8 yes = 1;
	long result;

	if (v1 ? bpf_map_lookup_elem(&named_v1, &id) : bpf_map_lookup_elem(&named_v2, &id))
		return 1;
	if (may_read_kernel) {
		result = SEND_CGROUP(SHORT_PATH_BYTES, 0);
		if (result > 0)
			result = SEND_CGROUP(CGROUP_PATH_BYTES, 1);
	} else {
		result = send_parent(cgroup, id, hierarchy_id);
	}
	if (result)
		return 0;
	if (v1)
		bpf_map_update_elem(&named_v1, &id, &yes, BPF_ANY);
	else
		bpf_map_update_elem(&named_v2, &id, &yes, BPF_ANY);
	return 1;
}

/* Before the event is reserved: a cgroup record reserved after it would arrive after it. */
static __always_inline _Bool name_cgroups(struct task_struct *task)
{
	struct cgroup *v2 = READ(task, cgroups, dfl_cgrp);
	struct cgroup *v1 = v1_cgroup_of(task);
	_Bool ok = name_cgroup(v2, READ(v2, kn, id), 0);

	if (v1)
		ok &= name_cgroup(v1, READ(v1, kn, id), 1);
	return ok;
}
