/* Makes processes in ways that tests know exactly: workload EXIT_WITH MODE [ARGUMENT…]
 * Prints one JSON line per fact that a test cannot know beforehand (pids), then {"done":true}.
 * Counts that follow from the arguments are not printed. Its own fork, exec and exit are not part of any count. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *exit_with;

static void fail(const char *what)
{
	fprintf(stderr, "workload: %s: %s\n", what, strerror(errno));
	exit(1);
}

static pid_t check(pid_t pid, const char *what)
{
	if (pid < 0)
		fail(what);
	return pid;
}

static void reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0)
		if (errno != EINTR)
			fail("waitpid");
}

/* The same work by several parents at once; each is a fork and an exit more. */
static void by_parents(int parents, int total, void (*work)(int first, int count))
{
	int share = total / parents;

	for (int i = 0; i < parents; i++) {
		int count = i == parents - 1 ? total - share * i : share;

		if (check(fork(), "fork") == 0) {
			work(share * i, count);
			_exit(0);
		}
	}
	for (int i = 0; i < parents; i++)
		reap(-1);
}

static void make_forks(int first, int count)
{
	for (int i = first; i < first + count; i++) {
		pid_t pid = check(fork(), "fork");

		if (pid == 0)
			_exit(i % 256);
		reap(pid);
	}
}

static void make_vforks(int first, int count)
{
	for (int i = first; i < first + count; i++) {
		pid_t pid = check(vfork(), "vfork");

		if (pid == 0)
			_exit(i % 256);
		reap(pid);
	}
}

static void make_execs(int first, int count)
{
	for (int i = first; i < first + count; i++) {
		char status[16], number[16];
		pid_t pid;

		snprintf(status, sizeof(status), "%d", i % 256);
		snprintf(number, sizeof(number), "%d", i);
		pid = check(vfork(), "vfork");
		if (pid == 0) {
			execl(exit_with, "exit-with", status, number, NULL);
			_exit(127);
		}
		reap(pid);
	}
}

/* What `execs-with` gives to each exec after the status. */
static char **exec_arguments;

static void make_execs_with(int first, int count)
{
	char *argv[16] = { "exit-with", "0" };

	(void)first;
	for (int i = 0; i < 13 && exec_arguments[i]; i++)
		argv[2 + i] = exec_arguments[i];
	for (int i = 0; i < count; i++) {
		pid_t pid = check(vfork(), "vfork");

		if (pid == 0) {
			execv(exit_with, argv);
			_exit(127);
		}
		reap(pid);
	}
}

static void run_child(pid_t pid)
{
	printf("{\"pid\":%d}\n", pid);
	reap(pid);
}

static void *nothing(void *argument)
{
	return argument;
}

static void *exit_by_thread(void *status)
{
	usleep(20000);
	exit((int)(long)status);
}

static pthread_barrier_t barrier;

static void *exit_at_barrier(void *argument)
{
	pthread_barrier_wait(&barrier);
	syscall(SYS_exit, 0);
	return argument;
}

static void *exec_by_thread(void *argument)
{
	execl(exit_with, "exit-with", "9", "from-thread", NULL);
	_exit(127);
	return argument;
}

/* One process; `mode` decides how its threads end. */
static void threaded(const char *mode, int argument)
{
	pid_t pid = check(fork(), "fork");
	pthread_t thread;

	if (pid != 0) {
		run_child(pid);
		return;
	}
	if (strcmp(mode, "threads") == 0) {
		for (int i = 0; i < argument; i++) {
			pthread_create(&thread, NULL, nothing, NULL);
			pthread_join(thread, NULL);
		}
		_exit(5);
	}
	if (strcmp(mode, "leader-first") == 0) {
		pthread_create(&thread, NULL, exit_by_thread, (void *)(long)argument);
		pthread_exit(NULL);
	}
	if (strcmp(mode, "exec-from-thread") == 0) {
		pthread_create(&thread, NULL, exec_by_thread, NULL);
		for (;;)
			pause();
	}
	/* simultaneous: all threads, the leader too, exit at one moment. */
	pthread_barrier_init(&barrier, NULL, argument + 1);
	for (int i = 0; i < argument; i++)
		pthread_create(&thread, NULL, exit_at_barrier, NULL);
	exit_at_barrier(NULL);
}

static void die_by(int number)
{
	pid_t pid = check(fork(), "fork");

	if (pid == 0) {
		struct rlimit none = { 0, 0 };

		setrlimit(RLIMIT_CORE, &none);
		kill(getpid(), number);
		for (;;)
			pause();
	}
	run_child(pid);
}

static void exec_chain(int count)
{
	char rest[16];

	if (count == 0)
		_exit(17);
	snprintf(rest, sizeof(rest), "%d", count - 1);
	execl("/proc/self/exe", "workload", exit_with, "chain-link", rest, NULL);
	_exit(127);
}

/* The grandchild outlives its parent and is then handed to a reaper. */
static void orphan(void)
{
	int ends[2];
	char byte;
	pid_t pid, grandchild;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (pipe(ends))
		fail("pipe");
	pid = check(fork(), "fork");
	if (pid == 0) {
		close(ends[1]);
		if (check(fork(), "fork") == 0) {
			/* Until the parent is gone and told so. */
			if (read(ends[0], &byte, 1) < 0)
				_exit(1);
			_exit(42);
		}
		_exit(41);
	}
	close(ends[0]);
	run_child(pid);
	close(ends[1]);
	grandchild = waitpid(-1, NULL, 0);
	printf("{\"pid\":%d}\n", grandchild);
}

static int sibling(void *argument)
{
	(void)argument;
	_exit(43);
}

/* A child that clones with CLONE_PARENT: the new process is its sibling. */
static void clone_parent(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	pid_t forker = check(fork(), "fork");

	if (forker == 0) {
		check(clone(sibling, stack + sizeof(stack), CLONE_PARENT, NULL), "clone");
		_exit(44);
	}
	printf("{\"forker\":%d}\n", forker);
	reap(-1);
	reap(-1);
}

static void exec_copy(int from_memfd)
{
	pid_t pid = check(fork(), "fork");

	if (pid == 0) {
		char *argv[] = { "exit-with", "6", NULL }, *env[] = { NULL };
		char template[] = "/tmp/cognitod-workload-XXXXXX", buffer[65536];
		int out = from_memfd ? memfd_create("payload", MFD_CLOEXEC) : mkstemp(template);
		int in = open(exit_with, O_RDONLY | O_CLOEXEC);
		ssize_t length;
		char path[64];

		while ((length = read(in, buffer, sizeof(buffer))) > 0)
			if (write(out, buffer, length) != length)
				_exit(1);
		if (!from_memfd) {
			fchmod(out, 0700);
			close(out);
			out = open(template, O_RDONLY | O_CLOEXEC);
			unlink(template);
		}
		snprintf(path, sizeof(path), "/proc/self/fd/%d", out);
		/* A file that is open for writing cannot be executed; a read-only descriptor of it can. */
		if (from_memfd)
			fexecve(out, argv, env);
		else
			fexecve(out, argv, env);
		_exit(127);
	}
	run_child(pid);
}

/* Arguments come as hexadecimal bytes, so that any byte can be given; "-" is the empty argument. */
static void exec_hex(int count, char **hex)
{
	pid_t pid = check(fork(), "fork");

	if (pid == 0) {
		char **argv = calloc(count + 2, sizeof(char *));

		for (int i = 0; i < count; i++) {
			size_t length = strcmp(hex[i], "-") == 0 ? 0 : strlen(hex[i]) / 2;

			argv[i] = calloc(length + 1, 1);
			for (size_t j = 0; j < length; j++)
				sscanf(hex[i] + 2 * j, "%2hhx", (unsigned char *)&argv[i][j]);
		}
		execv(exit_with, argv);
		_exit(127);
	}
	run_child(pid);
}

static void exec_long(int bytes)
{
	pid_t pid = check(fork(), "fork");

	if (pid == 0) {
		char *argument = malloc(bytes + 1);

		for (int i = 0; i < bytes; i++)
			argument[i] = 'a' + i % 26;
		argument[bytes] = 0;
		execl(exit_with, "exit-with", "0", argument, NULL);
		_exit(127);
	}
	run_child(pid);
}

struct clone_arguments {
	unsigned long long flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size;
};

/* Two lives of one pid, right after each other. */
static void reuse_pid(pid_t wanted)
{
	for (int life = 1; life <= 2; life++) {
		pid_t tid = wanted;
		struct clone_arguments arguments = {
			.exit_signal = SIGCHLD,
			.set_tid = (unsigned long)&tid,
			.set_tid_size = 1,
		};
		pid_t pid = syscall(SYS_clone3, &arguments, sizeof(arguments));

		if (pid == 0) {
			execl(exit_with, "exit-with", life == 1 ? "51" : "52", life == 1 ? "first" : "second", NULL);
			_exit(127);
		}
		run_child(check(pid, "clone3"));
	}
}

/* Sleeping children until standard input ends. */
static void hold(int count)
{
	char byte;

	for (int i = 0; i < count; i++) {
		if (check(fork(), "fork") == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				pause();
		}
	}
	printf("{\"ready\":true}\n");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	signal(SIGTERM, SIG_IGN);
	kill(0, SIGTERM);
	for (int i = 0; i < count; i++)
		reap(-1);
}

int main(int argc, char **argv)
{
	const char *mode;
	int first, second;

	if (argc < 3) {
		fprintf(stderr, "usage: workload EXIT_WITH MODE [ARGUMENT...]\n");
		return 2;
	}
	exit_with = argv[1];
	mode = argv[2];
	first = argc > 3 ? atoi(argv[3]) : 0;
	second = argc > 4 ? atoi(argv[4]) : 1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (strcmp(mode, "forks") == 0)
		by_parents(second, first, make_forks);
	else if (strcmp(mode, "vforks") == 0)
		by_parents(second, first, make_vforks);
	else if (strcmp(mode, "execs") == 0)
		by_parents(second, first, make_execs);
	else if (strcmp(mode, "execs-with") == 0 && argc > 5) {
		exec_arguments = argv + 5;
		by_parents(second, first, make_execs_with);
	} else if (strcmp(mode, "threads") == 0 || strcmp(mode, "leader-first") == 0 ||
		 strcmp(mode, "exec-from-thread") == 0)
		threaded(mode, first);
	else if (strcmp(mode, "simultaneous") == 0)
		for (int i = 0; i < second; i++)
			threaded(mode, first);
	else if (strcmp(mode, "signals") == 0)
		for (int i = 3; i < argc; i++)
			die_by(atoi(argv[i]));
	else if (strcmp(mode, "chain") == 0) {
		pid_t pid = check(fork(), "fork");

		if (pid == 0)
			exec_chain(first);
		run_child(pid);
	} else if (strcmp(mode, "chain-link") == 0)
		exec_chain(first);
	else if (strcmp(mode, "orphan") == 0)
		orphan();
	else if (strcmp(mode, "clone-parent") == 0)
		clone_parent();
	else if (strcmp(mode, "memfd") == 0)
		exec_copy(1);
	else if (strcmp(mode, "deleted") == 0)
		exec_copy(0);
	else if (strcmp(mode, "argv") == 0)
		exec_hex(argc - 3, argv + 3);
	else if (strcmp(mode, "long-argv") == 0)
		exec_long(first);
	else if (strcmp(mode, "reuse-pid") == 0)
		reuse_pid(first);
	else if (strcmp(mode, "hold") == 0)
		hold(first);
	else {
		fprintf(stderr, "workload: unknown mode %s\n", mode);
		return 2;
	}
	printf("{\"done\":true}\n");
	return 0;
}
