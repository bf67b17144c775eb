// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* Watches fork, exec and exit of every process on the node, and the cgroups that come, go and take processes in, and
 * writes a record of each into one ring.
 * Built four times: with BTF-typed tracepoints (tp_btf), and with COGNITOD_RAW_TP for kernels without BTF; each also with
 * COGNITOD_PREEMPTIBLE for kernels that can preempt a tracepoint (turns.h). */
#include "kernel-types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "counters.h"
#include "facts.h"
#include "name-cgroup.h"
#include "records.h"
#include "ring.h"
#include "turns.h"

#ifdef COGNITOD_RAW_TP
#define HOOK(name) SEC("raw_tp/" #name)
#else
#define HOOK(name) SEC("tp_btf/" #name)
#endif

#define ARGV_BYTES_MAX 32768
#define FILENAME_BYTES 4096
#define OWN_NAME_BYTES 256 /* NAME_MAX and its NUL */

/* Set by the loader. */
const volatile __u32 argv_bytes = 4096;
/* Set by the loader where the exit tracepoint says that the whole process ends (6.16). */
const volatile _Bool exit_tells_group_dead = 0;

struct exec_scratch {
	struct exec_record record;
	char data[ARGV_BYTES_MAX + FILENAME_BYTES + OWN_NAME_BYTES];
};

/* One entry per CPU of this type, used with preemption off. A per-CPU map cannot hold values of more than 32 KiB. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* the loader sets the number of possible CPUs */
	__type(key, __u32);
	__type(value, struct exec_scratch);
} exec_scratches SEC(".maps");

/* Processes whose last thread was seen, only where the kernel itself does not say which one that is. */
struct exit_key {
	__u64 start_ns;
	__u32 pid;
	__u32 reserved;
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct exit_key);
	__type(value, __u8);
} exited SEC(".maps");

static __always_inline void fill_header(struct record_header *header, enum record_kind kind, __u32 size)
{
	header->kind = kind;
	header->size = size;
	header->ktime_ns = bpf_ktime_get_boot_ns();
}

static __always_inline void tell_fork(struct task_struct *parent, struct task_struct *child)
{
	struct counted *count;
	struct fork_record *record;
	struct task_struct *forker;

	/* A new thread is no new process. */
	if (READ(child, pid) != READ(child, tgid))
		return;
	count = count_event(RECORD_FORK);
	if (!count)
		return;
	if (!name_cgroups(child))
		count->cgroups_lost++;

	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record) {
		count->lost++;
		return;
	}
	fill_header(&record->header, RECORD_FORK, sizeof(*record));
	fill_facts(&record->process, child);
	forker = READ(parent, group_leader);
	record->forker_pid = READ(forker, tgid);
	record->forker_start_ns = start_of(forker);
	record->reserved = 0;
	bpf_ringbuf_submit(record, 0);
}

#ifdef COGNITOD_PREEMPTIBLE
/* The next thing that the parent does after sched_process_fork, before the child runs, with a run queue locked: it cannot
 * be preempted, so the kernel never skips it (wake_up_new_task in kernel/sched/core.c). */
HOOK(sched_wakeup_new)
int BPF_PROG(sched_process_fork, struct task_struct *child)
{
	tell_fork(CURRENT_TASK(), child);
	return 0;
}
#else
HOOK(sched_process_fork)
int BPF_PROG(sched_process_fork, struct task_struct *parent, struct task_struct *child)
{
	tell_fork(parent, child);
	return 0;
}
#endif

static __always_inline _Bool is_memfd(struct file *file, struct super_block *sb)
{
	char name[8] = {};

	/* On the kernel's own mount of tmpfs or hugetlbfs, where nobody else can make files. */
	if (!may_read_kernel)
		return (READ(sb, s_flags) & SB_KERNMOUNT) != 0;
	/* memfd_create names its file "memfd:…" (mm/memfd.c). */
	bpf_probe_read_kernel(name, 6, READ(file, f_path.dentry, d_name.name));
	return name[0] == 'm' && name[1] == 'e' && name[2] == 'm' && name[3] == 'f' && name[4] == 'd' && name[5] == ':';
}

/* What the executable is, as far as its inode tells. */
static __always_inline void fill_executable(struct exec_record *record, struct file *file)
{
	struct inode *inode = READ(file, f_inode);
	struct super_block *sb = READ(inode, i_sb);

	record->inode = READ(inode, i_ino);
	record->device = READ(sb, s_dev);
	if (READ(inode, i_nlink) == 0)
		record->flags |= EXEC_DELETED | (is_memfd(file, sb) ? EXEC_MEMFD : 0);
	if (may_read_kernel && READ(sb, s_magic) == OVERLAYFS_SUPER_MAGIC) {
		struct dentry *upper = NULL;

		/* struct ovl_inode has __upperdentry right after vfs_inode (fs/overlayfs/ovl_entry.h, since 4.8);
		 * its type is often in a module's BTF, out of reach here. */
		bpf_probe_read_kernel(&upper, sizeof(upper), (char *)inode + bpf_core_type_size(struct inode));
		record->flags |= EXEC_ON_OVERLAY | (upper ? EXEC_UPPER_LAYER : 0);
	}
}

/* How the caller named what runs. Returns the bytes of the file's own name, of which `data` has OWN_NAME_BYTES. Of a script
 * only the name that the caller gave is left: its file is closed, the executable is its interpreter (exec_binprm in
 * fs/exec.c). */
static __always_inline long fill_origin(struct exec_record *record, char *data, struct linux_binprm *bprm,
					struct file *file)
{
	_Bool is_interpreted = READ(bprm, interp) != READ(bprm, filename);
	long length = 0;

	if (is_interpreted)
		record->flags |= EXEC_INTERPRETED;
	if (!bpf_core_field_exists(bprm->fdpath) || !READ(bprm, fdpath))
		return 0;
	record->flags |= EXEC_BY_DESCRIPTOR;
	if (!is_interpreted && may_read_kernel)
		length = bpf_probe_read_kernel_str(data, OWN_NAME_BYTES, READ(file, f_path.dentry, d_name.name));
	return length < 0 ? 0 : length;
}

static __always_inline void tell_exec(struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	struct counted *count = count_event(RECORD_EXEC);
	__u32 cpu = bpf_get_smp_processor_id();
	struct exec_scratch *scratch;
	struct exec_record *record;
	unsigned long start, length;
	struct mm_struct *mm;
	long filename, own_name;

	if (!count)
		return;
	if (!name_cgroups(task))
		count->cgroups_lost++;
	scratch = bpf_map_lookup_elem(&exec_scratches, &cpu);
	if (!scratch) {
		count->lost++;
		return;
	}
	record = &scratch->record;
	mm = READ(task, mm);
	record->flags = 0;
	record->argc = READ(bprm, argc);
	record->caller_tid = old_pid == READ(task, tgid) ? 0 : old_pid;
	fill_facts(&record->process, task);
	fill_executable(record, READ(mm, exe_file));

	start = READ(mm, arg_start);
	length = READ(mm, arg_end) - start;
	if (length > argv_bytes) {
		length = argv_bytes;
		record->flags |= EXEC_ARGV_TRUNCATED;
	}
	if (length > ARGV_BYTES_MAX)
		length = ARGV_BYTES_MAX;
	if (bpf_probe_read_user(scratch->data, length, (void *)start)) {
		length = 0;
		record->flags |= EXEC_ARGV_UNREADABLE;
	}
	/* The same text stands at the end of the new stack. */
	if (may_read_kernel)
		filename = bpf_probe_read_kernel_str(scratch->data + length, FILENAME_BYTES, READ(bprm, filename));
	else
		filename = bpf_probe_read_user_str(scratch->data + length, FILENAME_BYTES, (void *)READ(bprm, exec));
	if (filename < 0)
		filename = 0;
	own_name = fill_origin(record, scratch->data + length + filename, bprm, READ(mm, exe_file));
	record->argv_bytes = length;
	record->filename_bytes = filename;
	record->own_name_bytes = own_name;
	record->reserved = 0;
	length = (sizeof(*record) + length + filename + own_name + 7) & ~7UL;
	if (length > sizeof(*scratch))
		length = sizeof(*scratch);
	fill_header(&record->header, RECORD_EXEC, length);
	if (bpf_ringbuf_output(&ring, scratch, length, 0))
		count->lost++;
}

#define EXEC_PROGRAM(name, copy)                                                                                      \
	HOOK(sched_process_exec)                                                                                      \
	int BPF_PROG(name, struct task_struct *task, int old_pid, struct linux_binprm *bprm)                          \
	{                                                                                                             \
		if (takes_turn(copy, task, READ(task, self_exec_id))) {                                               \
			PREEMPT_OFF();                                                                                \
			tell_exec(task, old_pid, bprm);                                                               \
			PREEMPT_ON();                                                                                 \
		}                                                                                                     \
		return 0;                                                                                             \
	}
EACH_COPY(EXEC_PROGRAM, sched_process_exec)

/* Whether this thread is the last of its process, exactly once per process. `group_dead` is the tracepoint's
 * second argument on kernels that have it. */
static __always_inline _Bool is_last_thread(struct task_struct *task, __u64 group_dead)
{
	struct task_struct *leader = READ(task, group_leader);
	struct signal_struct *signal = READ(task, signal);
	struct exit_key key = {};
	__u8 yes = 1;

	if (exit_tells_group_dead)
		return group_dead & 1;
	if (READ(signal, live.counter) != 0)
		return 0;
	/* Threads that die at the same moment can all find nobody alive, and the first may be gone before the second comes
	 * here. It still shows in the references, until they are freed (sigcnt), or in the sums. */
	if (READ(leader, pid) == READ(task, pid) && READ(signal, nr_threads) == 1 &&
	    READ(signal, sigcnt.refs.counter) == 1 && READ(signal, sum_sched_runtime) == 0)
		return 1;
	key.start_ns = start_of(leader);
	key.pid = READ(task, tgid);
	/* An int, whose upper half is undefined where the verifier has put a direct call. */
	return (int)bpf_map_update_elem(&exited, &key, &yes, BPF_NOEXIST) != -EEXIST;
}

static __always_inline __u64 resident_pages(struct mm_struct *mm)
{
	struct mm_struct___old *old = (void *)mm;
	__s64 pages = 0;

	/* These kernels' verifiers do not see through the type of such an element. */
	if (bpf_core_field_exists(old->rss_stat.count) && may_read_kernel)
		pages = PROBE(old, rss_stat.count[MM_FILEPAGES].counter) +
			PROBE(old, rss_stat.count[MM_ANONPAGES].counter) +
			PROBE(old, rss_stat.count[MM_SHMEMPAGES].counter);
	else if (!bpf_core_field_exists(old->rss_stat.count))
		pages = READ(mm, rss_stat[MM_FILEPAGES].count) + READ(mm, rss_stat[MM_ANONPAGES].count) +
			READ(mm, rss_stat[MM_SHMEMPAGES].count);
	return pages > 0 ? pages : 0;
}

static __always_inline void tell_exit(struct task_struct *task)
{
	struct counted *count = count_event(RECORD_EXIT);
	struct task_struct *leader;
	struct signal_struct *signal;
	struct exit_record *record;
	struct mm_struct *mm;

	if (!count)
		return;
	if (!name_cgroups(task))
		count->cgroups_lost++;

	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record) {
		count->lost++;
		return;
	}
	fill_header(&record->header, RECORD_EXIT, sizeof(*record));
	fill_facts(&record->process, task);
	signal = READ(task, signal);
	leader = READ(task, group_leader);
	mm = READ(task, mm);

	/* As wait_task_zombie() in kernel/exit.c decides. */
	record->status = READ(signal, flags) & SIGNAL_GROUP_EXIT ? READ(signal, group_exit_code) : READ(leader, exit_code);
	/* The signal struct holds the sums of threads that are gone already. */
	record->cpu_ns = READ(signal, sum_sched_runtime) + READ(task, se.sum_exec_runtime);
	record->minor_faults = READ(signal, min_flt) + READ(task, min_flt);
	record->major_faults = READ(signal, maj_flt) + READ(task, maj_flt);
	if (READ(leader, pid) != READ(task, pid)) {
		record->cpu_ns += READ(leader, se.sum_exec_runtime);
		record->minor_faults += READ(leader, min_flt);
		record->major_faults += READ(leader, maj_flt);
	}
	/* signal->maxrss also remembers the image before an exec; the memory map is gone by now before 6.16. */
	if (mm) {
		__u64 high = READ(mm, hiwater_rss), now = resident_pages(mm);

		record->max_rss_pages = high > now ? high : now;
	} else {
		record->max_rss_pages = READ(signal, maxrss);
	}
	record->reserved = 0;
	bpf_ringbuf_submit(record, 0);
}

#define EXIT_PROGRAM(name, copy)                                                                                      \
	HOOK(sched_process_exit)                                                                                      \
	int name(__u64 *ctx)                                                                                          \
	{                                                                                                             \
		struct task_struct *task = (struct task_struct *)ctx[0];                                              \
		__u64 group_dead = 0;                                                                                 \
                                                                                                                      \
		if (exit_tells_group_dead)                                                                            \
			group_dead = ctx[1];                                                                          \
		if (is_last_thread(task, group_dead) && takes_turn(copy, task, EXIT_TURN)) {                          \
			PREEMPT_OFF();                                                                                \
			tell_exit(task);                                                                              \
			PREEMPT_ON();                                                                                 \
		}                                                                                                     \
		return 0;                                                                                             \
	}
EACH_COPY(EXIT_PROGRAM, sched_process_exit)

/* Cgroups of v2, and of the v1 hierarchy that runtimes use: see v1_cgroup_of. */
static __always_inline _Bool is_watched(struct cgroup *cgroup, _Bool *v1)
{
	*v1 = READ(cgroup, root, hierarchy_id) != 0;
	if (!*v1)
		return 1;
	if (!bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id))
		return 0;
	return READ(cgroup, root, subsys_mask) >> bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id) & 1;
}

/* These tracepoints stand inside a lock that all of them share (TRACE_CGROUP_PATH in kernel/cgroup/cgroup-internal.h): no
 * two run at one time, so none is skipped. */

/* A container's cgroup is known before its first process. */
HOOK(cgroup_mkdir)
int BPF_PROG(on_cgroup_mkdir, struct cgroup *cgroup)
{
	struct event_counters *count = my_counters();
	_Bool v1;

	if (count && is_watched(cgroup, &v1) && !name_cgroup(cgroup, READ(cgroup, kn, id), v1))
		count->cgroups_lost_by_mkdir++;
	return 0;
}

/* Of a thread that moves alone nothing is told: a process is where its leader is. */
HOOK(cgroup_attach_task)
int BPF_PROG(on_cgroup_attach, struct cgroup *cgroup, const char *path, struct task_struct *task)
{
	struct counted *count;
	struct plain_record *record;
	_Bool v1;

	if (READ(task, pid) != READ(task, tgid) || !is_watched(cgroup, &v1))
		return 0;
	count = count_event(RECORD_MOVE);
	if (!count)
		return 0;
	if (!name_cgroups(task))
		count->cgroups_lost++;
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record) {
		count->lost++;
		return 0;
	}
	fill_header(&record->header, RECORD_MOVE, sizeof(*record));
	fill_facts(&record->process, task);
	bpf_ringbuf_submit(record, 0);
	return 0;
}

/* After the exit of the last process in it. */
HOOK(cgroup_rmdir)
int BPF_PROG(on_cgroup_rmdir, struct cgroup *cgroup)
{
	struct event_counters *count = my_counters();
	struct cgroup_record record = { .flags = CGROUP_REMOVED };
	__u64 id = READ(cgroup, kn, id);
	_Bool v1;

	if (!count || !is_watched(cgroup, &v1))
		return 0;
	if (v1)
		bpf_map_delete_elem(&named_v1, &id);
	else
		bpf_map_delete_elem(&named_v2, &id);
	finish_cgroup(&record, id, READ(cgroup, root, hierarchy_id), 0);
	if (bpf_ringbuf_output(&ring, &record, sizeof(record), 0))
		count->cgroups_lost_by_rmdir++;
	return 0;
}

EXPORT_TYPE(struct fork_record, fork_record);
EXPORT_TYPE(struct exec_record, exec_record);
EXPORT_TYPE(struct exit_record, exit_record);
EXPORT_TYPE(struct plain_record, plain_record);
EXPORT_TYPE(struct cgroup_record, cgroup_record);
EXPORT_TYPE(struct counted, counted);
EXPORT_TYPE(struct event_counters, event_counters);
EXPORT_TYPE(enum record_kind, record_kind);
EXPORT_TYPE(enum process_flag, process_flag);
EXPORT_TYPE(enum exec_flag, exec_flag);
EXPORT_TYPE(enum cgroup_flag, cgroup_flag);

char LICENSE[] SEC("license") = "Dual BSD/GPL";
