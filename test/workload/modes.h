/* The modes of the workload and what they share. */
#pragma once
#include "report.h"

struct options {
	/* Processes that work at once; 0: the workload itself does. */
	long parents;
	long code;
	long rounds;
	/* Lifetimes: before the exec, after it (or of a process that never execs), and between two lives. */
	long before_ms, ms, gap_ms;
	/* Bytes of one argument of `big-argv`. */
	long each;
	int core, use_fork, use_exec, by_parent, leader_first, disguise, simultaneous;
	const char *kind;
};

extern struct options options;
/* The absolute path of this program. */
extern char self_path[4096];

void sleep_ms(long ms);
/* This process dies when its parent does. */
void die_with_parent(void);
/* Execs this program so that it lives `options.ms` and exits with `code`, whatever `argv` says. Returns on failure. */
void exec_self(char *const argv[], long code);

/* many.c: many processes, fast. */
void many_forks(long total);
void many_vforks(long total);
void many_execs(long total);
void many_failed_execs(long total);
void churn(double seconds);

/* threads.c: how the threads of a process end. */
void threads(long number);
void exec_from_thread(void);

/* images.c: execs of every kind. */
void exec_chain(long links);
void chain_link(long links, long code);
void exec_hex(int number, char **hex);
void exec_big(long bytes);
void exec_memfd(void);
void exec_deleted(void);

/* lives.c: single processes that begin, live or end in a special way. */
void signals(char *list);
void codes(char *list);
void reparent(void);
void clone_parent(void);
void pid_reuse(pid_t wanted);
void nested(long depth);
void rename_to(const char *hex);
void hold(long number);
