/* Processes with threads, and the ways in which they end. */
#include "modes.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_barrier_t barrier;

static void start_thread(pthread_t *thread, void *(*body)(void *))
{
	int error = pthread_create(thread, NULL, body, NULL);

	if (error)
		fail("pthread_create: %s", strerror(error));
}

static void *nothing(void *argument)
{
	return argument;
}

/* Ends only this thread, without the C library's farewell. */
static void *end_at_barrier(void *argument)
{
	pthread_barrier_wait(&barrier);
	syscall(SYS_exit, options.code);
	return argument;
}

static int leader_is_gone(void)
{
	char path[64], text[512];
	const char *state;
	FILE *file;
	size_t length;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", getpid());
	file = fopen(path, "r");
	if (!file)
		return 1;
	length = fread(text, 1, sizeof(text) - 1, file);
	text[length] = 0;
	fclose(file);
	state = strrchr(text, ')');
	return state && state[1] && state[2] == 'Z';
}

static void *end_after_leader(void *argument)
{
	if (options.disguise) {
		/* Of this thread alone, by the raw call. */
		prctl(PR_SET_NAME, "in-disguise");
		if (syscall(SYS_setresuid, 1234, 1234, 1234))
			fail("setresuid: %s", strerror(errno));
	}
	while (!leader_is_gone())
		sleep_ms(1);
	sleep_ms(options.ms);
	_exit(options.code);
	return argument;
}

static void *exec_here(void *argument)
{
	char *argv[] = { "workload", "from-thread", NULL };

	(void)argument;
	exec_self(argv, options.code);
	fail("exec of %s: %s", self_path, strerror(errno));
}

static void body(long number)
{
	pthread_t thread;

	if (options.leader_first) {
		for (long i = 1; i < number; i++) {
			start_thread(&thread, nothing);
			pthread_join(thread, NULL);
		}
		start_thread(&thread, end_after_leader);
		pthread_exit(NULL);
	}
	if (options.simultaneous) {
		pthread_barrier_init(&barrier, NULL, number + 1);
		for (long i = 0; i < number; i++)
			start_thread(&thread, end_at_barrier);
		end_at_barrier(NULL);
	}
	for (long i = 0; i < number; i++) {
		start_thread(&thread, nothing);
		pthread_join(thread, NULL);
	}
	sleep_ms(options.ms);
	_exit(options.code);
}

void threads(long number)
{
	for (long round = 0; round < options.rounds; round++) {
		pid_t pid = check(fork(), "fork");
		struct life life;

		if (pid == 0) {
			die_with_parent();
			body(number);
		}
		life = born(pid, "threaded", CODE(options.code));
		reap(&life);
		/* One is needed to end the process after its leader. */
		count(&report->threads, options.leader_first && number == 0 ? 1 : number);
	}
}

void exec_from_thread(void)
{
	pid_t pid = check(fork(), "fork");
	struct life life;

	if (pid == 0) {
		pthread_t thread;

		die_with_parent();
		start_thread(&thread, exec_here);
		for (;;)
			pause();
	}
	life = born(pid, "thread-exec", CODE(options.code));
	life.execs = 1;
	reap(&life);
	count(&report->threads, 1);
}
