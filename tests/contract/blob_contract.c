/*
 * What blob.h promises, on every backend: files always, MongoDB when MONGO_URI
 * is set, S3 when S3_ENDPOINT, S3_ACCESS_KEY and S3_SECRET_KEY are. Services
 * are reached through a proxy that fails on purpose (fault_proxy.h). The cases
 * are in blob/.
 *
 * CONTRACT_BACKEND   only this one
 */
#include "blob/place.h"

#include <assert.h>
#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

#define CASES_MAX 32 /* of one backend */

#ifdef __SANITIZE_THREAD__
/* The driver is not built with TSan, which so sees its memory and not its locks. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
	return "race:libmongoc-1.0.so\nrace:libbson-1.0.so\n";
}
#endif

static struct backend backends[3];
static size_t n_backends;
static char test_dir[] = "/tmp/blob_contract.XXXXXX";

static struct backend *add_backend(const char *name)
{
	struct backend *backend = &backends[n_backends++];

	backend->name = backend->conf.backend = name;
	return backend;
}

static bool is_wanted(const char *name)
{
	const char *only = getenv("CONTRACT_BACKEND");

	return !only || !*only || strcmp(only, name) == 0;
}

static void add_fs(void)
{
	struct backend *backend = add_backend("fs");

	snprintf(backend->text[0], sizeof(backend->text[0]), "%s/a/b", test_dir);
	backend->conf.path = backend->text[0];
}

static void add_mongo(const char *uri, const char *run)
{
	struct backend *backend = add_backend("mongo");

	backend->proxy = fault_proxy_for(uri);
	/* direct: a replica set would name its member's own address, past the proxy */
	snprintf(backend->text[0], sizeof(backend->text[0]), "mongodb://127.0.0.1:%u/?directConnection=true",
	         fault_proxy_port(backend->proxy));
	snprintf(backend->text[1], sizeof(backend->text[1]), "blobs_%.8s", run);
	backend->conf.mongo_uri = backend->text[0];
	backend->conf.mongo_db = backend->text[1];
}

static void add_s3(const char *endpoint, const char *run)
{
	struct backend *backend = add_backend("s3");

	backend->proxy = fault_proxy_for(endpoint);
	snprintf(backend->text[0], sizeof(backend->text[0]), "http://127.0.0.1:%u",
	         fault_proxy_port(backend->proxy));
	snprintf(backend->text[1], sizeof(backend->text[1]), "blobs-%.8s", run);
	backend->conf.s3_endpoint = backend->text[0];
	backend->conf.s3_bucket = backend->text[1];
	backend->conf.s3_access_key = getenv("S3_ACCESS_KEY");
	backend->conf.s3_secret_key = getenv("S3_SECRET_KEY");
}

static void add_backends(void)
{
	const char *mongo = getenv("MONGO_URI"), *s3 = getenv("S3_ENDPOINT");
	struct id run = id_new();

	if (is_wanted("fs"))
		add_fs();
	if (mongo && is_wanted("mongo"))
		add_mongo(mongo, id_print(&run).text);
	if (s3 && is_wanted("s3"))
		add_s3(s3, id_print(&run).text);
	printf("backends:");
	for (size_t i = 0; i < n_backends; i++)
		printf(" %s", backends[i].name);
	printf("%s%s\n", mongo ? "" : " (not mongo: MONGO_URI is not set)",
	       s3 ? "" : " (not s3: S3_ENDPOINT is not set)");
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static size_t add_cases(struct backend *backend, const struct blob_case *cases, struct CMUnitTest *tests)
{
	static char names[3 * CASES_MAX][80];
	static size_t n_names;
	size_t n = 0;

	for (; cases[n].name; n++) {
		char *name = names[n_names++];

		assert(n_names <= ARRAY_LEN(names));
		snprintf(name, sizeof(names[0]), "%s: %s", backend->name, cases[n].name);
		tests[n] = (struct CMUnitTest){ name, cases[n].run, NULL, NULL, backend };
	}
	return n;
}

int main(void)
{
	struct CMUnitTest tests[3 * CASES_MAX];
	size_t n = 0;
	int failed;

	rand_start();
	if (!mkdtemp(test_dir))
		return 1;
	add_backends();
	for (size_t b = 0; b < n_backends; b++) {
		backends[b].blobs = open_blobs(&backends[b], 0);
		n += add_cases(&backends[b], plain_cases, tests + n);
		if (backends[b].proxy)
			n += add_cases(&backends[b], wire_cases, tests + n);
	}
	failed = _cmocka_run_group_tests("blob contract", tests, n, NULL, NULL);
	for (size_t b = 0; b < n_backends; b++) {
		blobs_close(backends[b].blobs);
		fault_proxy_free(backends[b].proxy);
	}
	nftw(test_dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	return failed;
}
