/*
 * What bus.h promises, on every backend: Unix sockets always, RabbitMQ when
 * AMQP_URI is set (through a proxy that fails on purpose, fault_proxy.h), over
 * TLS when AMQPS_URI and AMQP_CA_FILE are, its alarms when AMQP_CTL is. The
 * cases are in bus/.
 *
 * CONTRACT_BACKEND   only this one; "amqp" is TLS as well
 */
#include "bus/member.h"

#include <ftw.h>
#include <unistd.h>

static char run_dir[] = "/tmp/bus_contract.XXXXXX";
static int failed;

static void run_cases(struct backend *backend, const struct CMUnitTest *cases, size_t n)
{
	struct CMUnitTest tests[32];
	char title[64];

	assert_true(n <= ARRAY_LEN(tests));
	for (size_t i = 0; i < n; i++) {
		tests[i] = cases[i];
		tests[i].initial_state = backend;
	}
	snprintf(title, sizeof(title), "bus contract, %s", backend->name);
	failed += _cmocka_run_group_tests(title, tests, n, NULL, NULL);
}

static bool is_wanted(const char *name)
{
	const char *only = getenv("CONTRACT_BACKEND");

	return !only || !*only || strcmp(only, name) == 0;
}

static void run_local(void)
{
	struct backend backend = { .name = "local", .conf = { .backend = "local", .run_dir = run_dir } };

	run_cases(&backend, every_cases, n_every_cases);
	run_cases(&backend, local_cases, n_local_cases);
}

static void run_amqp(const char *uri)
{
	struct backend backend = { .name = "amqp", .conf = { .backend = "amqp" } };

	backend.proxy = fault_proxy_for(uri);
	snprintf(backend.uri, sizeof(backend.uri), "amqp://guest:guest@127.0.0.1:%u/%%2f",
	         fault_proxy_port(backend.proxy));
	backend.conf.amqp_uri = backend.uri;
	run_cases(&backend, every_cases, n_every_cases);
	run_cases(&backend, amqp_cases, n_amqp_cases);
	fault_proxy_free(backend.proxy);
}

static void run_amqps(const char *uri, const char *ca_file)
{
	struct backend backend = { .name = "amqps", .conf = { .backend = "amqp", .amqp_uri = uri } };

	backend.conf.amqp_ca_file = ca_file;
	run_cases(&backend, every_cases, n_every_cases);
	run_cases(&backend, amqps_cases, n_amqps_cases);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

int main(int argc, char **argv)
{
	const char *amqp = getenv("AMQP_URI"), *amqps = getenv("AMQPS_URI"),
	           *ca_file = getenv("AMQP_CA_FILE");

	rand_start();
	if (argc > 3 && strcmp(argv[1], "echo") == 0)
		return run_echo(argv + 2);
	if (!mkdtemp(run_dir))
		return 1;
	printf("%s%s", amqp ? "" : "not amqp: AMQP_URI is not set\n",
	       amqps && ca_file ? "" : "not amqps: AMQPS_URI and AMQP_CA_FILE are not set\n");
	if (is_wanted("local"))
		run_local();
	if (amqp && is_wanted("amqp"))
		run_amqp(amqp);
	if (amqps && ca_file && is_wanted("amqp"))
		run_amqps(amqps, ca_file);
	nftw(run_dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	return failed != 0;
}
