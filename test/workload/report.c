/* Keeps the counts and lives of report.h. */
#include "report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct report *report;

static struct life *lives;
static uint64_t lives_max;
static struct timespec started;

static void *shared(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		fail("mmap of %zu bytes: %s", bytes, strerror(errno));
	return memory;
}

void report_open(int with_pids, uint64_t capacity)
{
	report = shared(sizeof(*report));
	if (with_pids) {
		lives_max = capacity;
		lives = shared(capacity * sizeof(*lives));
	}
	clock_gettime(CLOCK_MONOTONIC, &started);
}

static void print_status(const struct life *life)
{
	int killed = WIFSIGNALED(life->status);

	if (killed)
		printf("\"exit_code\":null,\"signal\":%d,", WTERMSIG(life->status));
	else
		printf("\"exit_code\":%d,\"signal\":null,", WEXITSTATUS(life->status));
	printf("\"core_dumped\":%s", killed && WCOREDUMP(life->status) ? "true" : "false");
}

void report_print(const char *command)
{
	struct timespec now;
	int64_t elapsed_ns;

	clock_gettime(CLOCK_MONOTONIC, &now);
	elapsed_ns = (now.tv_sec - started.tv_sec) * INT64_C(1000000000) + now.tv_nsec - started.tv_nsec;
	if (report->recorded > lives_max && lives)
		fail("%" PRIu64 " processes were made, %" PRIu64 " expected", report->recorded, lives_max);
	printf("{\"command\":\"%s\",\"pid\":%d,\"includes_self\":false", command, getpid());
	printf(",\"forks\":%" PRIu64 ",\"execs\":%" PRIu64 ",\"exits\":%" PRIu64, report->forks, report->execs, report->exits);
	printf(",\"threads\":%" PRIu64 ",\"failed_execs\":%" PRIu64, report->threads, report->failed_execs);
	printf(",\"elapsed_ns\":%" PRId64, elapsed_ns);
	if (lives) {
		printf(",\"processes\":[");
		for (uint64_t i = 0; i < report->recorded; i++) {
			const struct life *life = &lives[i];

			printf("%s{\"pid\":%d,\"parent\":%d,\"forker\":%d,", i ? "," : "", life->pid, life->parent, life->forker);
			printf("\"kind\":\"%s\",\"execs\":%d,", life->kind, life->execs);
			print_status(life);
			printf("}");
		}
		printf("]");
	}
	printf("}\n");
	if (fflush(stdout) || ferror(stdout))
		fail("standard output: %s", strerror(errno));
}

void fail(const char *format, ...)
{
	char text[512];
	va_list arguments;
	int length;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (report)
		__atomic_store_n(&report->failed, 1, __ATOMIC_SEQ_CST);
	/* One write, because several processes may fail at once. stdio's buffer is the parent's after a fork. */
	length = dprintf(2, "workload: %s\n", text);
	_exit(length < 0 ? 2 : 1);
}

pid_t check(pid_t pid, const char *what)
{
	if (pid < 0)
		fail("%s: %s", what, strerror(errno));
	return pid;
}

void count(uint64_t *counter, uint64_t more)
{
	__atomic_fetch_add(counter, more, __ATOMIC_RELAXED);
}

struct life born(pid_t pid, const char *kind, int expected)
{
	pid_t self = getpid();

	count(&report->forks, 1);
	return (struct life){ .pid = pid, .parent = self, .forker = self, .kind = kind, .expected = expected };
}

void reap(struct life *life)
{
	uint64_t at;

	while (waitpid(life->pid, &life->status, 0) < 0)
		if (errno != EINTR)
			fail("waitpid of %s %d: %s", life->kind, life->pid, strerror(errno));
	count(&report->exits, 1);
	count(&report->execs, life->execs);
	if (life->expected != ANY_STATUS && life->status != life->expected)
		fail("%s %d ended with status %#x, not %#x", life->kind, life->pid, life->status, life->expected);
	if (!lives)
		return;
	at = __atomic_fetch_add(&report->recorded, 1, __ATOMIC_RELAXED);
	if (at < lives_max)
		lives[at] = *life;
}
