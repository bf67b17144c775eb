/* Execs of every kind: chains, hostile and huge arguments, files without a name. */
#include "modes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A length that the kernel takes for one argument (MAX_ARG_STRLEN), NUL included. */
#define ARGUMENT_MAX 131072

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

static void exec_failed(void)
{
	fail("exec of %s: %s", self_path, strerror(errno));
}

static void reap_one(pid_t pid, const char *kind, int execs)
{
	struct life life = born(pid, kind, CODE(options.code));

	life.execs = execs;
	reap(&life);
}

void chain_link(long links, long code)
{
	char rest[24], code_text[24];
	char *argv[] = { "workload", "chain-link", rest, code_text, NULL };
	char *environment[] = { NULL };

	if (links == 0)
		_exit(code & 0xff);
	snprintf(rest, sizeof(rest), "%ld", links - 1);
	snprintf(code_text, sizeof(code_text), "%ld", code);
	execve("/proc/self/exe", argv, environment);
	/* A code that is wrong for sure. */
	_exit((code + 1) & 0xff);
}

void exec_chain(long links)
{
	pid_t pid = check(fork(), "fork");

	if (pid == 0)
		chain_link(links, options.code);
	reap_one(pid, "exec-chain", links);
}

void exec_hex(int number, char **hex)
{
	char **argv = calloc(number + 1, sizeof(char *));
	pid_t pid;

	for (int i = 0; i < number; i++) {
		size_t length = strcmp(hex[i], "-") ? strlen(hex[i]) / 2 : 0;

		argv[i] = calloc(length + 1, 1);
		for (size_t at = 0; at < length; at++)
			if (sscanf(hex[i] + 2 * at, "%2hhx", (unsigned char *)&argv[i][at]) != 1)
				fail("not hexadecimal: %s", hex[i]);
	}
	pid = check(fork(), "fork");
	if (pid == 0) {
		exec_self(argv, options.code);
		exec_failed();
	}
	reap_one(pid, "argv", 1);
}

void exec_big(long bytes)
{
	long each = options.each < 1 ? 1 : options.each > ARGUMENT_MAX ? ARGUMENT_MAX : options.each;
	long number = (bytes + each - 1) / each;
	char **argv = calloc(number + 2, sizeof(char *));
	pid_t pid;

	argv[0] = "workload";
	for (long i = 0, left = bytes; i < number; i++, left -= each) {
		long length = (left < each ? left : each) - 1;

		argv[i + 1] = calloc(length + 1, 1);
		for (long at = 0; at < length; at++)
			argv[i + 1][at] = 'a' + (i + at) % 26;
	}
	pid = check(fork(), "fork");
	if (pid == 0) {
		exec_self(argv, options.code);
		exec_failed();
	}
	reap_one(pid, "big-argv", 1);
}

static void copy_self(int to)
{
	char buffer[65536];
	int from = open(self_path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (from < 0)
		fail("%s: %s", self_path, strerror(errno));
	while ((length = read(from, buffer, sizeof(buffer))) > 0)
		if (write(to, buffer, length) != length)
			fail("copy of %s: %s", self_path, strerror(errno));
	if (length < 0)
		fail("%s: %s", self_path, strerror(errno));
	close(from);
}

static void exec_descriptor(int fd, char *name, const char *kind)
{
	char code_text[48], ms_text[48];
	char *argv[] = { "workload", name, NULL };
	char *environment[] = { code_text, ms_text, NULL };
	pid_t pid;

	snprintf(code_text, sizeof(code_text), "WORKLOAD_CODE=%ld", options.code);
	snprintf(ms_text, sizeof(ms_text), "WORKLOAD_MS=%ld", options.ms);
	pid = check(fork(), "fork");
	if (pid == 0) {
		fexecve(fd, argv, environment);
		fail("fexecve: %s", strerror(errno));
	}
	reap_one(pid, kind, 1);
	close(fd);
}

void exec_memfd(void)
{
	int fd = memfd_create("payload", MFD_CLOEXEC | MFD_EXEC);

	/* Before Linux 6.3 there is no such flag, and every memfd can be executed. */
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("payload", MFD_CLOEXEC);
	if (fd < 0)
		fail("memfd_create: %s", strerror(errno));
	copy_self(fd);
	exec_descriptor(fd, "from-memfd", "memfd");
}

void exec_deleted(void)
{
	const char *folder = getenv("TMPDIR");
	char path[4096];
	int writing, fd;

	snprintf(path, sizeof(path), "%s/workload-XXXXXX", folder ? folder : "/tmp");
	writing = mkostemp(path, O_CLOEXEC);
	if (writing < 0)
		fail("%s: %s", path, strerror(errno));
	copy_self(writing);
	fchmod(writing, 0700);
	/* What is open for writing cannot be executed. */
	close(writing);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	unlink(path);
	if (fd < 0)
		fail("%s: %s", path, strerror(errno));
	exec_descriptor(fd, "from-deleted", "deleted");
}
