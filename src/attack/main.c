/* The attack probes, what they attack on the host, and `brattice doctor --attack`: one program, so that the tests and the doctor run
 * the same code.
 *
 *   brattice-attack --list                 the probes
 *   brattice-attack NAME ARG...            one probe; exit status: probe.h
 *   brattice-attack --batch [MARK]         probes from stdin; MARK is for who looks at the list of processes
 *   brattice-attack host SERVICE ARG...    a service that the probes attack (host.c)
 *   brattice-attack doctor ...             doctor.h */
#include "doctor.h"
#include "host.h"
#include "probe.h"

#include <signal.h>

static int
list(void)
{
	for (size_t i = 0; i < probe_ntables; i++) {
		for (const struct probe *p = probe_tables[i]; p->name != NULL; p++)
			printf("%-6s %s %s\n", p->cls, p->name, p->args);
	}
	return 0;
}

/* Reads "NAME ARG…" lines (separated by tabs) and answers each with "STATUS<tab>LINE". */
static int
batch(void)
{
	char line[16384];
	int worst = PROBE_REFUSED;
	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		char *whole = probe_cat(line, ""), *save = NULL, *words[16] = {NULL};
		size_t n = 0;
		for (char *w = strtok_r(line, "\t", &save); w != NULL && n < BR_ARRAY_LEN(words) - 1; w = strtok_r(NULL, "\t", &save))
			words[n++] = w;
		const struct probe *p = n == 0 ? NULL : probe_find(words[0]);
		int rc = p == NULL || (int)n - 1 < p->nargs ? PROBE_CANT : probe_run(p, words + 1);
		printf("=%d\t%s\n", rc, whole);
		(void)fflush(stdout);
		if (rc == PROBE_DONE)
			worst = PROBE_DONE;
		free(whole);
	}
	return worst;
}

int
main(int argc, char **argv)
{
	if (argc == 2 && br_streq(argv[1], "--list"))
		return list();
	if (argc >= 2 && br_streq(argv[1], "--batch"))
		return batch();
	if (argc >= 2 && br_streq(argv[1], "host"))
		return host_main(argc - 2, argv + 2);
	if (argc >= 2 && br_streq(argv[1], "doctor"))
		return doctor_main(argc - 2, argv + 2);
	const struct probe *p = argc < 2 ? NULL : probe_find(argv[1]);
	if (p == NULL || argc - 2 < p->nargs) {
		fprintf(stderr, "usage: brattice-attack --list | --batch | NAME ARG... | host SERVICE ARG...\n");
		return PROBE_CANT;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	return probe_run(p, argv + 2);
}
