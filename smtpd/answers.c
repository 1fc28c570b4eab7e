/* The answers of one message (answers.h): a map from "TYPE name" to the question. */
#include "answers.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/map.h"
#include "dns/name.h"

static const struct dns_answer no_such_name = { .status = DNS_NXDOMAIN, .why = "" };
static const struct dns_answer out_of_time = { .status = DNS_TEMPFAIL, .why = "no answer in time" };
static const struct dns_answer too_many = { .status = DNS_TEMPFAIL,
	                                    .why = "too many DNS questions for one message" };

static void drop_references(void *object)
{
	struct answers *answers = object;
	struct slice key;
	void *value;
	size_t at = 0;

	while (map_next(answers->questions, &at, &key, &value))
		dns_answer_unref(((struct question *)value)->answer);
	map_free(answers->questions);
}

void answers_init(struct answers *answers, struct arena *arena,
                  const struct dns_answer *(*known)(void *, const char *, enum dns_type), void *arg)
{
	*answers = (struct answers){ .known = known, .arg = arg, .arena = arena, .questions = map_new() };
	answers->last_missing = &answers->first_missing;
	arena_on_free(arena, drop_references, answers);
}

static struct question *find(struct answers *answers, const char *clean, enum dns_type type)
{
	char key[DNS_NAME_MAX + 8];
	int len = snprintf(key, sizeof(key), "%u %s", (unsigned)type, clean);
	struct slice at = slice_of(key, (size_t)len);
	struct question *question = map_get(answers->questions, at);

	if (question || map_count(answers->questions) >= ANSWERS_MAX)
		return question;
	question = arena_make(answers->arena, struct question);
	question->name = arena_strdup(answers->arena, clean);
	question->type = type;
	map_put(answers->questions, at, question);
	if (answers->known)
		question->answer = answers->known(answers->arg, clean, type);
	if (!question->answer) {
		*answers->last_missing = question;
		answers->last_missing = &question->next_missing;
		answers->missing++;
	}
	return question;
}

const struct dns_answer *answers_get(struct answers *answers, const char *name, enum dns_type type)
{
	char clean[DNS_NAME_MAX + 1];
	struct question *question;

	if (!dns_name_clean(name, clean))
		return &no_such_name;
	question = find(answers, clean, type);
	if (!question)
		return &too_many;
	if (!question->answer && answers->closed)
		return &out_of_time;
	return question->answer;
}

void answers_expect(struct answers *answers, const char *name, enum dns_type type)
{
	char clean[DNS_NAME_MAX + 1];

	if (!answers->closed && dns_name_clean(name, clean))
		find(answers, clean, type);
}

struct question *answers_take_missing(struct answers *answers)
{
	struct question *first = answers->first_missing;

	answers->first_missing = NULL;
	answers->last_missing = &answers->first_missing;
	answers->missing = 0;
	return first;
}

void answers_put(struct question *question, const struct dns_answer *answer)
{
	dns_answer_unref(question->answer);
	question->answer = dns_answer_ref(answer);
}

void answers_close(struct answers *answers)
{
	answers->closed = true;
}
