// Forks many children that end at once, every second one after an exec of itself: `burst run N MARK`.
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 4)
		return 0; // an exec-ed child
	int count = atoi(argv[2]);

	for (int i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid < 0) {
			perror("fork");
			return 1;
		}
		if (pid == 0) {
			if (i % 2 == 1)
				execl(argv[0], argv[0], argv[3], (char *)0);
			_exit(i % 2);
		}
		// Bursts of 16, with a pause in which other pods are made and removed.
		if (i % 16 == 15) {
			while (waitpid(-1, 0, WNOHANG) > 0)
				;
			usleep(80000);
		}
	}
	while (wait(0) > 0)
		;
	printf("%d\n", count);
	return 0;
}
