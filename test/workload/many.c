/* Many processes, fast: forks, vforks and execs, by one parent or several at once. */
#include "modes.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void one_fork(long i)
{
	pid_t pid = check(fork(), "fork");
	struct life life;

	if (pid == 0) {
		sleep_ms(options.ms);
		_exit(i & 0xff);
	}
	life = born(pid, "fork", CODE(i));
	reap(&life);
}

static void one_vfork(long i)
{
	pid_t pid = check(vfork(), "vfork");
	struct life life;

	if (pid == 0)
		_exit(i & 0xff);
	life = born(pid, "vfork", CODE(i));
	reap(&life);
}

static void one_exec(long i)
{
	char index[24], ms[24];
	char *argv[] = { "workload", "true", index, options.ms ? ms : NULL, NULL };
	char *environment[] = { NULL };
	int plain = options.use_fork || options.before_ms;
	struct life life;
	pid_t pid;

	snprintf(index, sizeof(index), "%ld", i);
	snprintf(ms, sizeof(ms), "%ld", options.ms);
	pid = check(plain ? fork() : vfork(), "fork");
	if (pid == 0) {
		if (plain)
			sleep_ms(options.before_ms);
		execve(self_path, argv, environment);
		/* Told in shared memory: a child of vfork must not print. */
		report->failed = 1;
		_exit(127);
	}
	life = born(pid, plain ? "fork-exec" : "vfork-exec", ANY_STATUS);
	life.execs = 1;
	if (!report->failed)
		life.expected = CODE(i);
	reap(&life);
	if (report->failed)
		fail("exec of %s failed", self_path);
}

static void one_failed_exec(long i)
{
	char *argv[] = { "nothing", NULL };
	pid_t pid = check(vfork(), "vfork");
	struct life life;

	if (pid == 0) {
		execve("/nonexistent/workload", argv, argv + 1);
		_exit(i & 0xff);
	}
	life = born(pid, "failed-exec", CODE(i));
	reap(&life);
	count(&report->failed_execs, 1);
}

typedef void (*work)(long);

static int nobody_failed(void)
{
	return !__atomic_load_n(&report->failed, __ATOMIC_RELAXED);
}

/* Does the work until `deadline_ns` when it is not 0, else from `first` to `end`. */
static void do_share(work one, long first, long end, int64_t deadline_ns)
{
	struct timespec now;

	for (long i = first; (deadline_ns || i < end) && nobody_failed(); i++) {
		if (deadline_ns) {
			clock_gettime(CLOCK_MONOTONIC, &now);
			if (now.tv_sec * INT64_C(1000000000) + now.tv_nsec >= deadline_ns)
				return;
		}
		one(i);
	}
}

/* Several parents share the work; each is a fork and an exit more. */
static void share(work one, long total, int64_t deadline_ns)
{
	long parents = options.parents, part = parents ? total / parents : 0;
	struct life lives[parents ? parents : 1];

	if (parents == 0) {
		do_share(one, 0, total, deadline_ns);
		return;
	}
	for (long p = 0; p < parents; p++) {
		pid_t pid = check(fork(), "fork");

		if (pid == 0) {
			die_with_parent();
			do_share(one, p * part, p == parents - 1 ? total : (p + 1) * part, deadline_ns);
			_exit(0);
		}
		lives[p] = born(pid, "parent", ANY_STATUS);
	}
	for (long p = 0; p < parents; p++)
		reap(&lives[p]);
}

void many_forks(long total)
{
	share(one_fork, total, 0);
}

void many_vforks(long total)
{
	share(one_vfork, total, 0);
}

void many_execs(long total)
{
	share(one_exec, total, 0);
}

void many_failed_execs(long total)
{
	share(one_failed_exec, total, 0);
}

void churn(double seconds)
{
	struct timespec now;
	int64_t deadline_ns;

	clock_gettime(CLOCK_MONOTONIC, &now);
	deadline_ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec + (int64_t)(seconds * 1e9);
	if (!strcmp(options.kind, "exec"))
		share(one_exec, 0, deadline_ns);
	else if (!strcmp(options.kind, "vfork"))
		share(one_vfork, 0, deadline_ns);
	else if (!strcmp(options.kind, "fork"))
		share(one_fork, 0, deadline_ns);
	else
		fail("--kind is exec, vfork or fork, not %s", options.kind);
}
