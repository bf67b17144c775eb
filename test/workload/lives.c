/* Single processes that begin, live or end in a special way. */
#include "modes.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* struct clone_args of Linux 5.5; not every C library has it. */
struct clone_arguments {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size;
};

/* Core files go to a folder that is removed again; a core_pattern with a path of its own leaves them there. */
static char core_folder[] = "/tmp/workload-core-XXXXXX";

static void allow_core(int allowed)
{
	struct rlimit limit = { 0, 0 };

	if (allowed) {
		getrlimit(RLIMIT_CORE, &limit);
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_CORE, &limit);
		if (chdir(core_folder))
			fail("%s: %s", core_folder, strerror(errno));
	} else {
		setrlimit(RLIMIT_CORE, &limit);
		/* A core_pattern that is a pipe ignores the limit. */
		prctl(PR_SET_DUMPABLE, 0);
	}
}

static void remove_cores(pid_t pid)
{
	const char *names[] = { "core", "core.%d" };
	char path[128], name[32];

	for (int i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), i ? "core.%d" : names[0], pid);
		snprintf(path, sizeof(path), "%s/%s", core_folder, name);
		unlink(path);
	}
}

static void die_by(int number)
{
	sigset_t none;
	pid_t pid = check(fork(), "fork");
	struct life life;

	if (pid == 0) {
		die_with_parent();
		allow_core(options.core);
		signal(number, SIG_DFL);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		if (!options.by_parent)
			syscall(SYS_kill, getpid(), number);
		for (;;)
			pause();
	}
	life = born(pid, "signal", ANY_STATUS);
	if (options.by_parent) {
		/* Time to set up, so that a core is allowed or not as wanted. */
		sleep_ms(20);
		kill(pid, number);
	}
	reap(&life);
	if (!WIFSIGNALED(life.status) || WTERMSIG(life.status) != number)
		fail("a process that was to die by signal %d ended with status %#x", number, life.status);
	if (options.core)
		remove_cores(pid);
}

static int can_kill(int number)
{
	static const int harmless[] = { SIGCHLD, SIGCONT, SIGURG, SIGWINCH, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU };

	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		if (harmless[i] == number)
			return 0;
	return number > 0 && number < 65;
}

void signals(char *list)
{
	if (options.core && !mkdtemp(core_folder))
		fail("%s: %s", core_folder, strerror(errno));
	for (char *item = strtok(list, ","); item; item = strtok(NULL, ",")) {
		if (!can_kill(atoi(item)))
			fail("signal %s kills nobody", item);
		die_by(atoi(item));
	}
	if (options.core)
		rmdir(core_folder);
}

void codes(char *list)
{
	for (char *item = strtok(list, ","); item; item = strtok(NULL, ",")) {
		pid_t pid = check(fork(), "fork");
		struct life life;

		if (pid == 0) {
			sleep_ms(options.ms);
			_exit(atoi(item));
		}
		life = born(pid, "code", CODE(atoi(item)));
		reap(&life);
	}
}

/* The grandchild begins to live its time only when its parent is gone, and exits with the code. */
void reparent(void)
{
	int ends[2];
	struct life middle, orphan;
	pid_t pid;
	char byte;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (pipe2(ends, O_CLOEXEC))
		fail("pipe: %s", strerror(errno));
	pid = check(fork(), "fork");
	if (pid == 0) {
		close(ends[1]);
		pid = check(fork(), "fork");
		if (pid == 0) {
			while (read(ends[0], &byte, 1) > 0)
				;
			sleep_ms(options.ms);
			_exit(options.code);
		}
		report->told = pid;
		_exit(0);
	}
	close(ends[0]);
	middle = born(pid, "middle", CODE(0));
	reap(&middle);
	orphan = born(report->told, "orphan", CODE(options.code));
	orphan.parent = orphan.forker = middle.pid;
	close(ends[1]);
	reap(&orphan);
}

void clone_parent(void)
{
	pid_t pid = check(fork(), "fork");
	struct life forker, sibling;

	if (pid == 0) {
		pid = check(syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0), "clone");
		if (pid == 0) {
			sleep_ms(options.ms);
			_exit(43);
		}
		report->told = pid;
		_exit(44);
	}
	forker = born(pid, "forker", CODE(44));
	reap(&forker);
	sibling = born(report->told, "clone-parent", CODE(43));
	sibling.forker = forker.pid;
	reap(&sibling);
}

/* Two lives of one pid. Without a wish, of one that was free a moment ago. */
void pid_reuse(pid_t wanted)
{
	if (wanted == 0) {
		pid_t pid = check(fork(), "fork");
		struct life probe;

		if (pid == 0)
			_exit(0);
		probe = born(pid, "probe", CODE(0));
		reap(&probe);
		wanted = pid;
	}
	for (int number = 1; number <= 2; number++) {
		char *argv[] = { "workload", number == 1 ? "first-life" : "second-life", NULL };
		pid_t tid = wanted;
		struct clone_arguments arguments = {
			.exit_signal = SIGCHLD,
			.set_tid = (uintptr_t)&tid,
			.set_tid_size = 1,
		};
		pid_t pid = syscall(SYS_clone3, &arguments, sizeof(arguments));
		struct life life;

		if (pid == 0) {
			sleep_ms(options.before_ms);
			exec_self(argv, 50 + number);
			fail("exec of %s: %s", self_path, strerror(errno));
		}
		life = born(check(pid, "clone3 with set_tid"), argv[1], CODE(50 + number));
		life.execs = 1;
		reap(&life);
		if (number == 1)
			sleep_ms(options.gap_ms);
	}
}

void nested(long depth)
{
	struct life life;
	pid_t pid;

	if (depth == 0 || report->failed) {
		sleep_ms(options.ms);
		return;
	}
	pid = check(fork(), "fork");
	if (pid == 0) {
		die_with_parent();
		nested(depth - 1);
		_exit(depth & 0xff);
	}
	life = born(pid, "nested", ANY_STATUS);
	reap(&life);
}

void rename_to(const char *hex)
{
	char name[16] = "";
	pid_t pid = check(fork(), "fork");
	struct life life;

	if (pid == 0) {
		for (size_t at = 0; at < sizeof(name) - 1 && hex[2 * at] && hex[2 * at + 1]; at++)
			if (sscanf(hex + 2 * at, "%2hhx", (unsigned char *)&name[at]) != 1)
				fail("not hexadecimal: %s", hex);
		prctl(PR_SET_NAME, name);
		sleep_ms(options.ms);
		_exit(options.code);
	}
	life = born(pid, "comm", CODE(options.code));
	reap(&life);
}

/* The children wait for the end of a pipe that only the workload can write: they end with it, however it ends. */
void hold(long number)
{
	char *argv[] = { "workload", "wait-for-end", NULL }, *environment[] = { NULL };
	struct life *lives = calloc(number + 1, sizeof(*lives));
	int ends[2];
	char byte;

	if (!lives || pipe2(ends, O_CLOEXEC))
		fail("pipe: %s", strerror(errno));
	for (long i = 0; i < number; i++) {
		pid_t pid = check(fork(), "fork");

		if (pid == 0) {
			close(ends[1]);
			dup2(ends[0], 0);
			if (options.use_exec) {
				execve(self_path, argv, environment);
				fail("exec of %s: %s", self_path, strerror(errno));
			}
			while (read(0, &byte, 1) > 0)
				;
			_exit(0);
		}
		lives[i] = born(pid, "held", CODE(0));
		lives[i].execs = options.use_exec;
	}
	if (dprintf(1, "ready\n") < 0)
		fail("standard output: %s", strerror(errno));
	while (read(0, &byte, 1) > 0)
		;
	close(ends[1]);
	for (long i = 0; i < number; i++)
		reap(&lives[i]);
	free(lives);
}
