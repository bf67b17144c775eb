/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The kernel fields that the programs read. Only names matter: libbpf relocates every access to the running
 * kernel's layout (CO-RE), so each struct lists just what is used, in any order. Drift between kernel
 * versions is handled here, each case with the version or commit that made it.
 *
 * No relocation may name a type that a supported kernel lacks, not even bpf_core_type_exists: libbpf then searches the
 * BTF of every module, which takes CAP_SYS_ADMIN. What a whole type would tell, the loader tells (src/kernel/features.ts). */
#pragma once

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;

#define NULL ((void *)0)

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct { int counter; } atomic_t;
typedef struct { atomic_t refs; } refcount_t;
typedef struct { __u32 val; } kuid_t;
typedef struct { __u32 val; } kgid_t;
typedef struct { __u64 val; } kernel_cap_t;

struct cred {
	kuid_t uid;
	kgid_t gid;
	kuid_t euid;
	kernel_cap_t cap_effective;
};
/* Two words before 6.3 (f122a08b197d). */
struct cred___old {
	struct { __u32 cap[2]; } cap_effective;
};

struct ns_common {
	unsigned int inum;
};
struct pid_namespace {
	struct ns_common ns;
};
struct mnt_namespace {
	struct ns_common ns;
};
struct cgroup_namespace {
	struct ns_common ns;
};
struct nsproxy {
	struct mnt_namespace *mnt_ns;
	struct cgroup_namespace *cgroup_ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};
struct pid {
	unsigned int level;
	struct upid numbers[1]; /* one for each level; of no length since 6.5 (b69f0aeb0689) */
};

struct kernfs_node {
	const char *name;
	__u64 id;
	struct kernfs_node *__parent;
};
/* `parent` was renamed in 6.15 (633488947ef6). */
struct kernfs_node___old {
	struct kernfs_node *parent;
};
struct cgroup_root {
	int hierarchy_id;
	unsigned int subsys_mask; /* a bit per cgroup_subsys_id that is in this hierarchy */
};
struct cgroup {
	struct kernfs_node *kn;
	struct cgroup_root *root;
};
struct cgroup_subsys_state {
	struct cgroup *cgroup;
};
struct css_set {
	struct cgroup_subsys_state *subsys[16];
	struct cgroup *dfl_cgrp;
};

struct qstr {
	const unsigned char *name;
};
struct dentry {
	struct qstr d_name;
};
struct path {
	struct dentry *dentry;
};
struct super_block {
	unsigned long s_flags;
	unsigned int s_dev;
	unsigned long s_magic;
};
struct inode {
	unsigned long i_ino;
	unsigned int i_nlink;
	struct super_block *i_sb;
};
struct file {
	struct inode *f_inode;
	struct path f_path;
};

struct percpu_counter {
	__s64 count;
};
struct mm_struct {
	unsigned long arg_start;
	unsigned long arg_end;
	unsigned long hiwater_rss;
	struct file *exe_file;
	struct percpu_counter rss_stat[4];
};
/* Before 6.2 (f1a7941243c1) rss_stat was a struct with an array of atomics. */
struct mm_rss_stat___old {
	struct { long counter; } count[4];
};
struct mm_struct___old {
	struct mm_rss_stat___old rss_stat;
};

struct signal_struct {
	atomic_t live;
	int nr_threads;
	unsigned int flags;
	int group_exit_code;
	struct pid *pids[4];
	refcount_t sigcnt;
	unsigned long long sum_sched_runtime;
	unsigned long min_flt;
	unsigned long maj_flt;
	unsigned long maxrss;
};

struct sched_entity {
	__u64 sum_exec_runtime;
};

struct task_struct {
	int pid;
	int tgid;
	unsigned int flags;
	int exit_code;
	__u64 start_boottime;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	const struct cred *cred;
	struct nsproxy *nsproxy;
	struct css_set *cgroups;
	struct signal_struct *signal;
	struct mm_struct *mm;
	struct sched_entity se;
	unsigned long min_flt;
	unsigned long maj_flt;
	__u64 self_exec_id;
	kuid_t loginuid;
	unsigned int sessionid;
	char comm[16];
};
/* start_boottime was called real_start_time before 5.5 (cf25e24db61c). */
struct task_struct___old {
	__u64 real_start_time;
};

struct linux_binprm {
	const char *filename;
	const char *interp; /* the same pointer, unless an interpreter runs the file */
	const char *fdpath; /* the filename is made up from this: the caller gave a descriptor (since 5.9, 60d9ad1d1d7f) */
	unsigned long exec; /* where the file name is on the new stack */
	int argc;
};

enum cgroup_subsys_id {
	memory_cgrp_id = 4,
};

struct seq_file;
struct bpf_iter_meta {
	struct seq_file *seq;
};
struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#pragma clang attribute pop

/* include/uapi/linux/bpf.h; only what the programs use. */
enum bpf_map_type {
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_RINGBUF = 27,
};
enum {
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
};
struct bpf_raw_tracepoint_args {
	__u64 args[0];
};

#define PF_KTHREAD 0x00200000       /* include/linux/sched.h */
#define SIGNAL_GROUP_EXIT 0x00000004 /* include/linux/sched/signal.h */
#define PIDTYPE_TGID 1               /* include/linux/pid.h */
#define EEXIST 17
#define BPF_F_RDONLY (1U << 3) /* include/uapi/linux/bpf.h */
#define SB_KERNMOUNT (1 << 22) /* include/linux/fs.h */
#define OVERLAYFS_SUPER_MAGIC 0x794c7630
#define MM_FILEPAGES 0 /* include/linux/mm_types_task.h */
#define MM_ANONPAGES 1
#define MM_SHMEMPAGES 3
