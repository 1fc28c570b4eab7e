/*
 * What store.h, record.h, mailbox.h and queue.h promise, on every backend:
 * SQLite always, MongoDB when MONGO_URI is set. The cases are in store/.
 *
 * CONTRACT_RUNS   runs of the model checker (store/model.c)
 * SEED            replays one of them
 * CONTRACT_BACKEND, CASES
 *                 only this backend; only cases whose name matches ("*queue*")
 */
#include "store/place.h"

static const struct group {
	const char *name;
	const struct CMUnitTest *cases;
	const size_t *n;
} groups[] = {
	{ "opening", open_cases, &n_open_cases },         { "records", record_cases, &n_record_cases },
	{ "mailboxes", mailbox_cases, &n_mailbox_cases }, { "appending", append_cases, &n_append_cases },
	{ "folding", fold_cases, &n_fold_cases },         { "order", order_cases, &n_order_cases },
	{ "sharing", share_cases, &n_share_cases },       { "queue", queue_cases, &n_queue_cases },
	{ "moves", move_cases, &n_move_cases },           { "model", model_cases, &n_model_cases },
};

static int run_backend(const char *name)
{
	int failed = 0;

	backend = name;
	for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
		char title[64];

		snprintf(title, sizeof(title), "%s, %s", groups[i].name, name);
		failed += _cmocka_run_group_tests(title, groups[i].cases, *groups[i].n, NULL, NULL);
	}
	return failed;
}

int main(void)
{
	const char *only = getenv("CONTRACT_BACKEND");
	int failed = 0;

	rand_start();
	if (only && !only[0])
		only = NULL;
	if (getenv("CASES"))
		cmocka_set_test_filter(getenv("CASES"));
	if (!only || strcmp(only, "sqlite") == 0)
		failed += run_backend("sqlite");
	if (getenv("MONGO_URI") && (!only || strcmp(only, "mongo") == 0))
		failed += run_backend("mongo");
	return failed != 0;
}
