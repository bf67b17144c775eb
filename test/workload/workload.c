/* Makes processes in ways that are known exactly, for tests and benchmarks, and says as JSON what it made.
 *
 * See `usage` below for the modes. Standard output is one JSON document at the end:
 *   {"command", "pid", "includes_self": false, "forks", "execs", "exits", "threads", "failed_execs", "elapsed_ns",
 *    "processes": [{"pid", "parent", "forker", "kind", "execs", "exit_code", "signal", "core_dumped"}]}
 * "processes" only with --pids. The workload's own fork, exec and exit are in no count. When anything fails, the
 * reason is on standard error, there is no document, and the exit status is 1 (2 for a wrong command line). */
#include "modes.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
	"usage: workload MODE [ARGUMENT...] [--pids] [OPTION...]\n"
	"  forks N             N forks; child i exits at once with i % 256 [--parents P]\n"
	"  vforks N            the same by vfork [--parents P]\n"
	"  execs N             N vforks and execs of `workload true I`, exit code I % 256\n"
	"                      [--parents P] [--fork] [--before-ms MS: fork, and wait before the exec] [--ms MS: and after]\n"
	"  failed-execs N      N vforks whose exec fails (nop-exec is the same)\n"
	"  churn SECONDS       as many as possible [--parents P] [--kind exec|vfork|fork]\n"
	"  exec-chain K        one process execs itself K times, then exits [--code C]\n"
	"  threads N           one process makes N threads; its leader ends last [--code C] [--ms MS]\n"
	"    --leader-first      its leader ends first, a thread ends the process [--disguise: of another name and user]\n"
	"    --simultaneous      leader and threads end at one moment [--rounds R: so many processes]\n"
	"  exec-from-thread    a thread that is not the leader execs [--code C]\n"
	"  signals S1,S2,...   children killed by these signals [--core: with core dumps] [--by-parent: sent by the parent]\n"
	"  codes C1,C2,...     children that exit with these codes\n"
	"  reparent            a grandchild that outlives its parent; the workload is its reaper [--ms MS] [--code C]\n"
	"  clone-parent        a process made by a child with CLONE_PARENT [--ms MS]\n"
	"  argv HEX...         an exec with arguments given as hexadecimal bytes, argv[0] first; - is the empty one\n"
	"  big-argv BYTES      an exec with so many bytes of arguments, NULs included, after argv[0] [--each BYTES]\n"
	"  memfd, deleted      an exec of a copy in a memfd; of an unlinked copy [--ms MS] [--code C]\n"
	"  pid-reuse [PID]     two lives of one pid, codes 51 and 52 [--ms MS] [--gap-ms MS]; needs CAP_SYS_ADMIN\n"
	"  nested DEPTH        every process makes the next and waits for it [--ms MS: the innermost lives so long]\n"
	"  comm HEX            a child that renames itself [--ms MS]\n"
	"  hold N              N sleeping children until standard input ends; prints ready first [--exec]\n"
	"  true [I [MS]]       lives MS, then exits with I % 256; prints nothing\n";

struct options options = { .rounds = 1, .each = 1000, .kind = "exec" };
char self_path[4096];

void sleep_ms(long ms)
{
	struct timespec left = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

void die_with_parent(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

void exec_self(char *const argv[], long code)
{
	char code_text[48], ms_text[48];
	char *environment[] = { code_text, ms_text, NULL };

	snprintf(code_text, sizeof(code_text), "WORKLOAD_CODE=%ld", code);
	snprintf(ms_text, sizeof(ms_text), "WORKLOAD_MS=%ld", options.ms);
	execve(self_path, argv, environment);
}

/* Ends the process when it was made only to be an image: by exec_self, `true`, or as a link or holder. */
static void be_an_image(int argc, char **argv)
{
	const char *code = getenv("WORKLOAD_CODE"), *ms = getenv("WORKLOAD_MS");
	char byte;

	if (code) {
		sleep_ms(ms ? atol(ms) : 0);
		_exit(atol(code) & 0xff);
	}
	if (argc < 2)
		return;
	if (!strcmp(argv[1], "true")) {
		if (argc > 3)
			sleep_ms(atol(argv[3]));
		_exit(argc > 2 ? atol(argv[2]) & 0xff : 0);
	}
	if (!strcmp(argv[1], "chain-link") && argc == 4)
		chain_link(atol(argv[2]), atol(argv[3]));
	if (!strcmp(argv[1], "wait-for-end")) {
		while (read(0, &byte, 1) > 0)
			;
		_exit(0);
	}
}

static void wrong(const char *what, const char *which)
{
	fprintf(stderr, "workload: %s: %s\n%s", what, which, usage);
	exit(2);
}

static long number(const char *text)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (*text == 0 || *end != 0 || value < 0)
		wrong("not a number", text);
	return value;
}

/* Takes the options out of the arguments; returns how many others are left. */
static int parse(int argc, char **argv, int *with_pids)
{
	const struct {
		const char *name;
		long *value;
		int *flag;
	} known[] = {
		{ "--parents", &options.parents, 0 }, { "--code", &options.code, 0 },
		{ "--rounds", &options.rounds, 0 },   { "--before-ms", &options.before_ms, 0 },
		{ "--ms", &options.ms, 0 },	      { "--gap-ms", &options.gap_ms, 0 },
		{ "--each", &options.each, 0 },	      { "--pids", 0, with_pids },
		{ "--core", 0, &options.core },	      { "--fork", 0, &options.use_fork },
		{ "--exec", 0, &options.use_exec },   { "--by-parent", 0, &options.by_parent },
		{ "--leader-first", 0, &options.leader_first }, { "--disguise", 0, &options.disguise }, { "--simultaneous", 0, &options.simultaneous },
	};
	const int number_known = sizeof(known) / sizeof(known[0]);
	int left = 0;

	for (int i = 0; i < argc; i++) {
		int at = 0;

		if (strncmp(argv[i], "--", 2)) {
			argv[left++] = argv[i];
			continue;
		}
		if (!strcmp(argv[i], "--kind") && i + 1 < argc) {
			options.kind = argv[++i];
			continue;
		}
		while (at < number_known && strcmp(known[at].name, argv[i]))
			at++;
		if (at == number_known)
			wrong("unknown option", argv[i]);
		if (known[at].flag)
			*known[at].flag = 1;
		else if (i + 1 < argc)
			*known[at].value = number(argv[++i]);
		else
			wrong("a number is missing after", argv[i]);
	}
	return left;
}

int main(int argc, char **argv)
{
	const char *mode;
	char *first;
	int with_pids = 0, given;
	long n;
	ssize_t length;

	be_an_image(argc, argv);
	if (argc < 2)
		wrong("no mode", "");
	mode = argv[1];
	given = parse(argc - 2, argv + 2, &with_pids);
	first = given > 0 ? argv[2] : NULL;
	length = readlink("/proc/self/exe", self_path, sizeof(self_path) - 1);
	if (length < 0)
		fail("/proc/self/exe: %s", strerror(errno));
	/* Room for every process of a mode that is told a number; 4 million for one that runs by time. */
	n = first && strspn(first, "0123456789") == strlen(first) ? atol(first) : 0;
	report_open(with_pids, strcmp(mode, "churn") ? n + options.parents + options.rounds + 1000 : 4000000);

	const struct {
		const char *name;
		void (*run)(long);
	} numeric[] = {
		{ "forks", many_forks }, { "vforks", many_vforks }, { "execs", many_execs },
		{ "failed-execs", many_failed_execs }, { "nop-exec", many_failed_execs },
		{ "exec-chain", exec_chain }, { "threads", threads }, { "big-argv", exec_big },
		{ "nested", nested }, { "hold", hold },
	};
	const int numeric_modes = sizeof(numeric) / sizeof(numeric[0]);
	int at = 0;

	while (at < numeric_modes && strcmp(numeric[at].name, mode))
		at++;
	if (at < numeric_modes)
		numeric[at].run(number(first ? first : ""));
	else if (!strcmp(mode, "churn") && first)
		churn(atof(first));
	else if (!strcmp(mode, "exec-from-thread"))
		exec_from_thread();
	else if (!strcmp(mode, "signals") && first)
		signals(first);
	else if (!strcmp(mode, "codes") && first)
		codes(first);
	else if (!strcmp(mode, "reparent"))
		reparent();
	else if (!strcmp(mode, "clone-parent"))
		clone_parent();
	else if (!strcmp(mode, "argv"))
		exec_hex(given, argv + 2);
	else if (!strcmp(mode, "memfd"))
		exec_memfd();
	else if (!strcmp(mode, "deleted"))
		exec_deleted();
	else if (!strcmp(mode, "pid-reuse"))
		pid_reuse(first ? number(first) : 0);
	else if (!strcmp(mode, "comm") && first)
		rename_to(first);
	else
		wrong("unknown mode or missing argument", mode);

	if (report->failed)
		return 1;
	report_print(mode);
	return 0;
}
