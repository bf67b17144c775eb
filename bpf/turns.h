/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Whose turn is an event? On Linux 7 tracepoints can be preempted (they run under SRCU, include/linux/tracepoint.h), and
 * the kernel skips a program that a preempted process still runs on this CPU (__bpf_trace_run in
 * kernel/trace/bpf_trace.c). So several copies of a program stand on such a hook, in the order in which they were
 * attached: the first that the kernel does not skip tells the event and leaves a mark for those after it; the last takes
 * the mark away. An event is lost only when as many processes as there are copies were preempted in them on one CPU at
 * one time.
 *
 * While a copy tells an event preemption is off: what is per CPU is its own, and nobody waits in the ring behind a record
 * that a preempted process has not finished. */
#pragma once

#include "facts.h"
#include "read.h"

/* In place of the number of an execve. */
#define EXIT_TURN (~0ULL)

#ifdef COGNITOD_PREEMPTIBLE

#define COPIES 4
#define EACH_COPY(program, name)                                                                                      \
	program(name, 0) program(name##_2, 1) program(name##_3, 2) program(name##_4, 3)

extern void bpf_preempt_disable(void) __ksym;
extern void bpf_preempt_enable(void) __ksym;
#define PREEMPT_OFF() bpf_preempt_disable()
#define PREEMPT_ON() bpf_preempt_enable()

#ifdef COGNITOD_RAW_TP
#define CURRENT_TASK() ((struct task_struct *)bpf_get_current_task())
#else
#define CURRENT_TASK() bpf_get_current_task_btf()
#endif

struct turn {
	__u64 start_ns;
	__u64 what;
	__u64 pid;
};

/* Events between the first copy and the last. The mark of an event whose last copy was skipped stays until it is the
 * oldest of many. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096); /* the loader adds some for each CPU: see LRU_PER_CPU there */
	__type(key, struct turn);
	__type(value, __u8);
} turns SEC(".maps");

static __always_inline _Bool takes_turn(__u32 copy, struct task_struct *task, __u64 what)
{
	struct turn turn = {
		.start_ns = start_of(READ(task, group_leader)),
		.what = what,
		.pid = READ(task, tgid),
	};
	__u8 yes = 1;

	if (copy == COPIES - 1)
		return bpf_map_delete_elem(&turns, &turn) != 0;
	return bpf_map_update_elem(&turns, &turn, &yes, BPF_NOEXIST) == 0;
}

#else

#define EACH_COPY(program, name) program(name, 0)
#define PREEMPT_OFF()
#define PREEMPT_ON()
#define takes_turn(copy, task, what) 1

#endif
