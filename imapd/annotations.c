/* Lists of annotations (annotations.h). */
#include "annotations.h"

#include <stdlib.h>
#include <strings.h>

#include "account_ctx.h"
#include "base/buf.h"
#include "base/clock.h"
#include "metadata_request.h"

#define AT_ONCE 32 /* mailboxes of others whose annotations are held together */

struct gathering {
	struct annotations *to;
	struct buf list, damaged;
	size_t used;
};

static struct gathering gathering_new(void)
{
	struct gathering c = { .to = xzalloc(sizeof(*c.to)) };

	c.to->refs = 1;
	c.to->arena = arena_new();
	c.to->loaded_at = clock_mono_ms();
	buf_init(&c.list, BUF_NO_LIMIT); /* ANNOTATIONS_MAX, by gather() */
	buf_init(&c.damaged, BUF_NO_LIMIT);
	return c;
}

static const struct annotation *move(struct buf *from, struct arena *arena, size_t *ret_n)
{
	const size_t n = from->len / sizeof(struct annotation);
	struct annotation *to = arena_array(arena, struct annotation, n + 1);

	for (size_t i = 0; i < n; i++)
		to[i] = ((const struct annotation *)(const void *)from->data)[i];
	qsort(to, n, sizeof(*to), annotation_compare);
	buf_done(from);
	*ret_n = n;
	return to;
}

static void finish(struct gathering *c, enum fault fault, struct annotations **ret)
{
	struct annotations *to = c->to;

	to->list = move(&c->list, to->arena, &to->n);
	to->damaged = move(&c->damaged, to->arena, &to->n_damaged);
	if (fault)
		annotations_put(to);
	else
		*ret = to;
}

static void add(struct gathering *c, struct buf *list, const struct id *mailbox, struct slice name,
                struct slice value)
{
	const struct annotation one = { *mailbox, arena_copy(c->to->arena, name), annotation_value(value) };

	c->used += sizeof(one) + name.len;
	buf_add(list, &one, sizeof(one));
}

static bool gather(void *arg, const struct metadata_place *place, const struct metadata *metadata)
{
	struct gathering *c = arg;

	if (metadata->damaged)
		add(c, &c->damaged, &place->mailbox,
		    place->part == METADATA_PRIVATE ? SLICE("/private") : SLICE("/shared"), SLICE(""));
	for (size_t i = 0; i < metadata->n && c->used <= ANNOTATIONS_MAX; i++)
		add(c, &c->list, &place->mailbox, metadata->list[i].name, metadata->list[i].value);
	c->to->too_many = c->used > ANNOTATIONS_MAX;
	return !c->to->too_many;
}

enum fault annotations_load(const struct account_ctx *account, struct stack *stack, struct annotations **ret,
                            struct why *why)
{
	struct gathering c = gathering_new();
	enum fault fault = metadata_each(stack, &account->actor, account->key, gather, &c, why);

	finish(&c, fault, ret);
	return fault;
}

/* ---- what others share ---- */

static bool is_readable(const struct share *share)
{
	return share->owner && !share->folder.row.meta.no_select &&
	       (share->rights & (ACL_LOOKUP | ACL_READ)) == (ACL_LOOKUP | ACL_READ);
}

struct batch {
	struct actor owners[AT_ONCE];
	struct metadata_place places[AT_ONCE];
	size_t n;
};

static void add_place(struct batch *batch, const struct share *share)
{
	const struct account *owner = &share->owner->account;

	batch->owners[batch->n] = (struct actor){ ACTOR_OWNER, owner->id };
	batch->places[batch->n] =
	    (struct metadata_place){ &batch->owners[batch->n], share->owner->key, owner->id,
		                     share->folder.row.meta.id, METADATA_SHARED };
	batch->n++;
}

static enum fault gather_batch(struct gathering *c, struct batch *batch, struct stack *stack, struct why *why)
{
	struct arena *arena = arena_new();
	struct metadata found[AT_ONCE];
	enum fault fault = metadata_load_many(stack, batch->places, batch->n, arena, found, why);

	for (size_t i = 0; i < batch->n && !fault; i++)
		if (!gather(c, &batch->places[i], &found[i]))
			break;
	batch->n = 0;
	arena_free(arena);
	return fault;
}

enum fault annotations_load_shared(const struct shares *shares, struct stack *stack, struct annotations **ret,
                                   struct why *why)
{
	struct gathering c = gathering_new();
	struct batch batch = { .n = 0 };
	enum fault fault = FAULT_NONE;

	for (size_t i = 0; i < shares->n && !fault && !c.to->too_many; i++) {
		if (is_readable(&shares->list[i]))
			add_place(&batch, &shares->list[i]);
		if (batch.n == AT_ONCE)
			fault = gather_batch(&c, &batch, stack, why);
	}
	if (batch.n && !fault && !c.to->too_many)
		fault = gather_batch(&c, &batch, stack, why);
	finish(&c, fault, ret);
	return fault;
}

struct annotations *annotations_hold(struct annotations *list)
{
	if (list)
		list->refs++;
	return list;
}

void annotations_put(struct annotations *list)
{
	if (!list || --list->refs)
		return;
	arena_free(list->arena);
	free(list);
}

/* ---- looking into them ---- */

int annotation_compare(const void *a, const void *b)
{
	const struct annotation *x = a, *y = b;
	int way = memcmp(&x->mailbox, &y->mailbox, sizeof(x->mailbox));

	if (!way)
		way = strncasecmp((const char *)x->name.data, (const char *)y->name.data,
		                  MIN_OF(x->name.len, y->name.len));
	return way ? way : (x->name.len > y->name.len) - (x->name.len < y->name.len);
}

struct id annotation_value(struct slice value)
{
	static const struct id nobody = { { 0 } };

	return id_derive(&nobody, value);
}

struct id annotations_find(const struct annotations *list, const struct annotation *one)
{
	const struct annotation *found =
	    list->n ? bsearch(one, list->list, list->n, sizeof(*one), annotation_compare) : NULL;

	return found ? found->value : (struct id){ { 0 } };
}

bool annotations_are_damaged(const struct annotations *list, const struct annotation *one)
{
	const bool private = metadata_is_private(one->name);

	for (size_t i = 0; i < list->n_damaged; i++)
		if (metadata_is_private(list->damaged[i].name) == private &&
		    id_eq(&list->damaged[i].mailbox, &one->mailbox))
			return true;
	return false;
}
