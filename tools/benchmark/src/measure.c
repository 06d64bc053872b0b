/*
 * Runs a command and writes what it cost: measure REPORT COMMAND [ARGUMENT...]. The processes that the command starts
 * count too, also those that it leaves behind, which is why this program adopts and waits for them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what)
{
	perror(what);
	exit(2);
}

static double seconds(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
	struct timespec start, end = { 0 };
	struct rusage usage;
	pid_t child, ended;
	int status, result = -1;
	FILE *report;

	if (argc < 3) {
		fputs("usage: measure REPORT COMMAND [ARGUMENT...]\n", stderr);
		return 2;
	}
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		fail("prctl");
	clock_gettime(CLOCK_MONOTONIC, &start);
	child = fork();
	if (child < 0)
		fail("fork");
	if (child == 0) {
		execvp(argv[2], argv + 2);
		fail(argv[2]);
	}
	while ((ended = wait(&status)) > 0 || errno == EINTR) {
		if (ended != child)
			continue;
		clock_gettime(CLOCK_MONOTONIC, &end);
		result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
	/* ru_maxrss: the largest of all processes, in KiB. */
	if (getrusage(RUSAGE_CHILDREN, &usage) < 0)
		fail("getrusage");
	report = fopen(argv[1], "w");
	if (report == NULL)
		fail(argv[1]);
	fprintf(report, "user %.6f\nsystem %.6f\nwall %.6f\nlargest %ld\nstatus %d\n", seconds(usage.ru_utime),
		seconds(usage.ru_stime),
		(double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9,
		usage.ru_maxrss, result);
	return fclose(report) == 0 ? 0 : 2;
}
