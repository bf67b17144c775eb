/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The kernel's own account of what happened: the side that cannot lose. */
#pragma once

#include "records.h"

/* One value per CPU, written with preemption off: plain increments lose nothing. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_RDONLY); /* for user space: nobody who takes the agent over writes the ledger */
	__type(key, __u32);
	__type(value, struct event_counters);
} counters SEC(".maps");

static __always_inline struct event_counters *my_counters(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&counters, &zero);
}

/* Counts an event of a kind before COUNTED_END; its program goes on counting in what it gets. */
static __always_inline struct counted *count_event(enum record_kind kind)
{
	struct event_counters *count = my_counters();

	if (!count)
		return NULL;
	count->of[kind].happened++;
	return &count->of[kind];
}
