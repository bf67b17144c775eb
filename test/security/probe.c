/* Tries what needs privileges, one operation after the other, and prints each with "ok" or its errno as a line:
 *   probe PID FILE        PID: a privileged process of another container, uid 0; FILE: for the lines
 *   probe --permit FILE   gives FILE the capabilities BPF, PERFMON and SYS_PTRACE, permitted but not effective
 * Nothing that it makes outlives it. Constants: include/uapi/linux/{bpf,capability,prctl}.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define CAP_PERFMON_NUMBER 38
#define CAP_BPF_NUMBER 39

static void tell(const char *operation, long result)
{
	printf("%s\t%s\n", operation, result >= 0 ? "ok" : strerrorname_np(errno));
}

static long bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof *attr);
}

static long create_map(int type, int key_size, int value_size, int entries)
{
	union bpf_attr attr = { .map_type = type, .key_size = key_size, .value_size = value_size, .max_entries = entries };

	return bpf(BPF_MAP_CREATE, &attr);
}

/* A program that reads kernel memory: the pid of the current task's struct is not needed, any read will do. */
static long load(int type)
{
	struct bpf_insn instructions[] = {
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_get_current_task },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 3, .src_reg = 0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 1, .src_reg = 10 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 1, .imm = -8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2, .imm = 8 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_probe_read_kernel },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = type,
		.insns = (unsigned long)instructions,
		.insn_cnt = sizeof instructions / sizeof *instructions,
		.license = (unsigned long)"GPL",
	};

	return bpf(BPF_PROG_LOAD, &attr);
}

static long load_filter(void)
{
	struct bpf_insn instructions[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SCHED_CLS,
		.insns = (unsigned long)instructions,
		.insn_cnt = 2,
		.license = (unsigned long)"GPL",
	};

	return bpf(BPF_PROG_LOAD, &attr);
}

static long attach(long program)
{
	union bpf_attr attr = {
		.raw_tracepoint = { .name = (unsigned long)"sched_process_fork", .prog_fd = program },
	};

	return bpf(BPF_RAW_TRACEPOINT_OPEN, &attr);
}

static long next_program(void)
{
	union bpf_attr attr = { .start_id = 0 };
	long result = bpf(BPF_PROG_GET_NEXT_ID, &attr);

	/* No program at all is an answer too. */
	return result < 0 && errno == ENOENT ? 0 : result;
}

static long lookup(long map)
{
	unsigned key = 0;
	char values[8 * 4096];
	union bpf_attr attr = { .map_fd = map, .key = (unsigned long)&key, .value = (unsigned long)values };

	return bpf(BPF_MAP_LOOKUP_ELEM, &attr);
}

static long map_ring(long ring)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, 0);

	if (page == MAP_FAILED)
		return -1;
	munmap(page, 4096);
	return 0;
}

static long open_perf(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof attr,
		.config = PERF_COUNT_SW_CPU_CLOCK,
	};

	return syscall(SYS_perf_event_open, &attr, -1, 0, -1, 0);
}

static void read_proc(const char *pid, const char *name)
{
	char path[256], operation[64], buffer[4096];
	int fd;
	long result;

	snprintf(path, sizeof path, "/proc/%s/%s", pid, name);
	snprintf(operation, sizeof operation, "read %s", name);
	fd = open(path, O_RDONLY);
	result = fd < 0 ? -1 : read(fd, buffer, sizeof buffer);
	tell(operation, result);
}

static void read_link(const char *pid, const char *name)
{
	char path[256], operation[64], buffer[4096];

	snprintf(path, sizeof path, "/proc/%s/%s", pid, name);
	snprintf(operation, sizeof operation, "read %s", name);
	tell(operation, readlink(path, buffer, sizeof buffer));
}

static long set_capabilities(int all_of_permitted)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return -1;
	for (int i = 0; i < 2; i++) {
		data[i].effective = all_of_permitted ? data[i].permitted : 0;
		if (!all_of_permitted)
			data[i].permitted = data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &header, data);
}

static int permit(const char *file)
{
	struct vfs_cap_data capabilities = { .magic_etc = VFS_CAP_REVISION_2 };

	capabilities.data[CAP_SYS_PTRACE / 32].permitted |= 1u << CAP_SYS_PTRACE % 32;
	capabilities.data[CAP_PERFMON_NUMBER / 32].permitted |= 1u << CAP_PERFMON_NUMBER % 32;
	capabilities.data[CAP_BPF_NUMBER / 32].permitted |= 1u << CAP_BPF_NUMBER % 32;
	if (setxattr(file, "security.capability", &capabilities, XATTR_CAPS_SZ_2, 0) == 0)
		return 0;
	perror(file);
	return 1;
}

int main(int count, char **arguments)
{
	static const char *files[] = { "stat", "cmdline", "cgroup", "maps", "environ", "io" };
	static const char *links[] = { "exe", "cwd", "ns/pid" };
	const char *pid = arguments[1];
	long ring, counters, program;

	if (count == 3 && strcmp(arguments[1], "--permit") == 0)
		return permit(arguments[2]);
	if (count != 3 || freopen(arguments[2], "w", stdout) == NULL)
		return 2;
	set_capabilities(1);
	tell("create a ring buffer", ring = create_map(BPF_MAP_TYPE_RINGBUF, 0, 0, 4096));
	tell("create a counters map", counters = create_map(BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 1));
	tell("load a program that reads kernel memory", program = load(BPF_PROG_TYPE_RAW_TRACEPOINT));
	tell("attach it to a tracepoint", program < 0 ? -1 : attach(program));
	tell("load a network filter", load_filter());
	tell("list the BPF programs of others", next_program());
	tell("perf_event_open on a whole CPU", open_perf());
	for (unsigned i = 0; i < sizeof files / sizeof *files; i++)
		read_proc(pid, files[i]);
	for (unsigned i = 0; i < sizeof links / sizeof *links; i++)
		read_link(pid, links[i]);
	tell("empty the bounding set", prctl(PR_CAPBSET_DROP, CAP_CHOWN, 0, 0, 0));
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	tell("give everything up", set_capabilities(0));
	if (ring >= 0 && counters >= 0) {
		tell("afterwards: read the ring buffer", map_ring(ring));
		tell("afterwards: read the counters", lookup(counters));
		tell("afterwards: load a program", load(BPF_PROG_TYPE_RAW_TRACEPOINT));
	}
	return 0;
}
