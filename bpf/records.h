/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The records that cross the ring: the contract between the programs and src/decode. The decoder's offsets
 * are generated from these structs (make bpf) and compared with the object's BTF at every start. */
#pragma once

#include "kernel-types.h"

enum record_kind {
	RECORD_FORK = 1,
	RECORD_EXEC,
	RECORD_EXIT,
	RECORD_MOVE,
	COUNTED_END, /* those before it are counted, and are COUNTED_KINDS in src/lib/generated */
	RECORD_CGROUP = 64,
	RECORD_SNAPSHOT,
};

enum process_flag {
	PROCESS_KERNEL_THREAD = 1 << 0,
};

enum exec_flag {
	EXEC_ARGV_TRUNCATED = 1 << 0,
	EXEC_ARGV_UNREADABLE = 1 << 1,
	EXEC_MEMFD = 1 << 2,
	EXEC_DELETED = 1 << 3,
	EXEC_ON_OVERLAY = 1 << 4,
	EXEC_UPPER_LAYER = 1 << 5,
	EXEC_INTERPRETED = 1 << 6, /* the file that runs is an interpreter, and the first argument is its name */
	EXEC_BY_DESCRIPTOR = 1 << 7, /* the caller gave an open file */
};

enum cgroup_flag {
	CGROUP_PATH_TRUNCATED = 1 << 0,
	CGROUP_REMOVED = 1 << 1, /* without a path */
	CGROUP_UNNAMED = 1 << 2, /* the id of the parent in place of the path: names cannot be read */
};

/* Begins every record. Sizes are multiples of 8. */
struct record_header {
	__u32 kind;
	__u32 size; /* of the whole record, variable part included */
	__u64 ktime_ns;
};

/* What every event says about its process. */
struct process_facts {
	__u64 start_ns;
	__u64 parent_start_ns;
	__u64 cgroup_id;
	__u64 cgroup_v1_id;
	__u64 cap_effective;
	__u64 exec_id; /* of the last execve: counts up with each, a child begins with its parent's */
	__u32 pid;
	__u32 parent_pid;
	__u32 uid;
	__u32 gid;
	__u32 euid;
	__u32 loginuid;
	__u32 session_id;
	__u32 pid_ns;
	__u32 mnt_ns;
	__u32 cgroup_ns;
	__u32 ns_pid;
	__u32 flags;
	char comm[16];
};

struct fork_record {
	struct record_header header;
	struct process_facts process; /* of the child */
	__u64 forker_start_ns;
	__u32 forker_pid;
	__u32 reserved;
};

struct exec_record {
	struct record_header header;
	struct process_facts process;
	__u64 inode;
	__u32 device;
	__u32 flags;
	__u32 argc;
	__u32 caller_tid; /* 0 when the leader called execve */
	__u32 argv_bytes;
	__u32 filename_bytes; /* its NUL included */
	__u32 own_name_bytes; /* its NUL included */
	__u32 reserved;
	/* argv, the filename, and the file's own name with EXEC_BY_DESCRIPTOR follow */
};

struct exit_record {
	struct record_header header;
	struct process_facts process;
	__u64 cpu_ns;
	__u64 max_rss_pages;
	__u64 minor_faults;
	__u64 major_faults;
	__u32 status; /* as wait(2) gives it */
	__u32 reserved;
};

struct cgroup_record {
	struct record_header header;
	__u64 cgroup_id;
	__u32 hierarchy_id;
	__u32 flags;
	__u32 path_bytes;
	__u32 reserved;
	/* names from the leaf up to the root, each ended by a NUL, follow */
};

struct snapshot_record {
	struct record_header header;
	struct process_facts process;
};

/* Of every kind that has nothing of its own to tell, as RECORD_MOVE: the process is in another cgroup now. */
struct plain_record {
	struct record_header header;
	struct process_facts process;
};

/* Of one kind of event. */
struct counted {
	__u64 happened;
	__u64 lost; /* of happened: the ring was full */
	__u64 cgroups_lost; /* records of cgroups that its program could not send */
};

struct event_counters {
	struct counted of[COUNTED_END]; /* by record_kind; the first is unused */
	__u64 cgroups_lost_by_mkdir;
	__u64 cgroups_lost_by_rmdir;
};

/* Keeps a type in the object's BTF, where the decoder's generator and the start-up check find it. */
#define EXPORT_TYPE(type, name) const type *const volatile exported_##name = 0
