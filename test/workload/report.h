/* What the workload did: counts and lives in memory that all its processes share, printed as one JSON document.
 *
 * Counted is all that the workload makes after its own start. Its own fork, exec and exit are not included. */
#pragma once
#define _GNU_SOURCE
#include <stdint.h>
#include <sys/types.h>

/* One process that the workload made. Pids are those of the workload's own pid namespace. */
struct life {
	pid_t pid, parent, forker;
	const char *kind;
	int execs;
	/* As wait(2) gives it. */
	int status;
	/* The status it must end with; ANY_STATUS where that is not known. */
	int expected;
};

#define ANY_STATUS (-1)
#define CODE(code) (((code) & 0xff) << 8)

struct report {
	uint64_t forks, execs, exits, threads, failed_execs, recorded;
	/* Set by whichever process failed; all others then stop early. */
	int failed;
	/* A pid that one process tells another. */
	pid_t told;
};

extern struct report *report;

/* `capacity` lives are kept when `with_pids`. */
void report_open(int with_pids, uint64_t capacity);
void report_print(const char *command);

/* Prints the reason and ends this process; the workload then ends with 1 and prints no document. */
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
pid_t check(pid_t pid, const char *what);

/* Counts the fork of a child of this process. */
struct life born(pid_t pid, const char *kind, int expected);
/* Waits for it, counts and records its exit. */
void reap(struct life *life);
void count(uint64_t *counter, uint64_t more);
