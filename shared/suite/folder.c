/*
 * An account's mailboxes by name (folder.h).
 *
 * The tree is loaded whole and opened in memory: a name is one component, sealed
 * under "mailbox-name" and bound to the mailbox's id; what keeps names unique is the keyed hash under the parent.
 */
#include "suite/folder.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "mail/fold.h"
#include "suite/copy.h"
#include "suite/metadata.h"
#include "suite/move.h"
#include "suite/url_key.h"
#include "suite/nudge.h"

#define NAME_PURPOSE "mailbox-name"
#define INBOX        "INBOX"
#define RENAME_BATCH 500

static const struct id top = { { 0 } };

/* ---- loading ---- */

static enum fault open_name(const struct account_key *key, struct folder *folder, struct arena *arena,
                            struct why *why)
{
	struct mailbox_meta *meta = &folder->row.meta;
	struct buf name;
	enum fault fault;

	buf_init(&name, FOLDER_NAME_MAX + 1);
	fault = account_open(key, NAME_PURPOSE, id_slice(&meta->id), meta->name, &name, why);
	if (!fault)
		folder->name = arena_strz(arena, buf_slice(&name));
	buf_done(&name);
	return fault ? fault_add(why, fault, "the name of mailbox %s", id_print(&meta->id).text) : FAULT_NONE;
}

static int by_id(const void *a, const void *b)
{
	const struct folder *x = *(struct folder *const *)a, *y = *(struct folder *const *)b;

	return memcmp(&x->row.meta.id, &y->row.meta.id, sizeof(struct id));
}

static int by_path(const void *a, const void *b)
{
	const struct folder *x = *(struct folder *const *)a, *y = *(struct folder *const *)b;
	int x_inbox = strcmp(x->path, INBOX) == 0, y_inbox = strcmp(y->path, INBOX) == 0;

	return x_inbox != y_inbox ? y_inbox - x_inbox : strcmp(x->path, y->path);
}

static void link_parents(const struct folders *folders)
{
	for (size_t i = 0; i < folders->n; i++) {
		struct folder wanted = { .row.meta.id = folders->list[i]->row.meta.parent }, *key = &wanted,
		              **found;

		found = bsearch(&key, folders->list, folders->n, sizeof(*folders->list), by_id);
		if (found && *found != folders->list[i]) {
			folders->list[i]->parent = *found;
			(*found)->has_children = true;
		}
	}
}

/* Who is marked already has its parents marked as well; so a ring of parents ends too. */
static void mark_inferiors(const struct folders *folders)
{
	for (size_t i = 0; i < folders->n; i++) {
		struct folder *above = folders->list[i]->parent;

		if (folders->list[i]->row.meta.no_select)
			continue;
		for (; above && !above->has_inferiors; above = above->parent)
			above->has_inferiors = true;
	}
}

/* A parent that is missing or a ring of parents (neither can be made, but a store can be damaged): top level. */
static const char *build_path(struct arena *arena, struct folder *folder, int depth)
{
	if (folder->path)
		return folder->path;
	if (folder->parent && depth < FOLDER_DEPTH_MAX * 2)
		folder->path = arena_printf(arena, "%s%c%s", build_path(arena, folder->parent, depth + 1),
		                            FOLDER_SEPARATOR, folder->name);
	else
		folder->path = folder->name;
	return folder->path;
}

enum fault folders_load(struct stack *stack, const struct actor *actor, const struct account_key *key,
                        struct arena *arena, struct folders *ret, struct why *why)
{
	/* a guest's calls name the owner's mailboxes, so they begin with the owner's names */
	const struct actor owner = { ACTOR_OWNER, actor->account };
	struct mailbox_row *rows;
	struct folders folders;
	enum fault fault = mailbox_list(stack->store, actor->kind == ACTOR_GUEST ? &owner : actor,
	                                &actor->account, arena, &rows, &folders.n, why);

	if (fault)
		return fault;
	folders.list = arena_array(arena, struct folder *, folders.n);
	for (size_t i = 0; i < folders.n && !fault; i++) {
		folders.list[i] = arena_make(arena, struct folder);
		folders.list[i]->row = rows[i];
		fault = open_name(key, folders.list[i], arena, why);
	}
	if (fault)
		return fault;
	qsort(folders.list, folders.n, sizeof(*folders.list), by_id);
	link_parents(&folders);
	mark_inferiors(&folders);
	for (size_t i = 0; i < folders.n; i++)
		build_path(arena, folders.list[i], 0);
	qsort(folders.list, folders.n, sizeof(*folders.list), by_path);
	*ret = folders;
	return FAULT_NONE;
}

static bool is_inbox(struct slice path)
{
	return slice_is(path, INBOX);
}

struct folder *folders_find(const struct folders *folders, const char *path)
{
	bool inbox = is_inbox(slice_str(path));

	for (size_t i = 0; i < folders->n; i++) {
		if (strcmp(folders->list[i]->path, inbox ? INBOX : path) == 0)
			return folders->list[i];
	}
	return NULL;
}

struct folder *folders_by_id(const struct folders *folders, const struct id *id)
{
	for (size_t i = 0; i < folders->n; i++) {
		if (id_eq(&folders->list[i]->row.meta.id, id))
			return folders->list[i];
	}
	return NULL;
}

/* ---- names ---- */

/* What no Net-Unicode has (RFC 5198 2): C0, DEL and C1, and the separators of lines and paragraphs. */
static bool has_control(struct slice name)
{
	uint32_t code;

	for (size_t i = 0, len; i < name.len && (len = utf8_decode(slice_from(name, i), &code)); i += len) {
		if (code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0x2028 || code == 0x2029)
			return true;
	}
	return false;
}

static enum fault component_check(struct slice name, struct why *why)
{
	if (name.len == 0)
		return fault_set(why, FAULT_INPUT, "a name has an empty part");
	if (name.len > FOLDER_NAME_MAX)
		return fault_set(why, FAULT_INPUT, "a name is longer than %d bytes", FOLDER_NAME_MAX);
	if (has_control(name))
		return fault_set(why, FAULT_INPUT, "a name has control characters");
	if (slice_eq(name, SLICE(".")) || slice_eq(name, SLICE("..")))
		return fault_set(why, FAULT_INPUT, "\".\" and \"..\" are no names");
	return FAULT_NONE;
}

static enum fault normalise(struct slice path, struct arena *arena, struct slice *ret, struct why *why)
{
	struct buf nfc;
	enum fault fault = FAULT_NONE;

	if (!utf8_valid(path))
		return fault_set(why, FAULT_INPUT, "a mailbox name is not UTF-8");
	buf_init(&nfc, (FOLDER_NAME_MAX + 1) * FOLDER_DEPTH_MAX);
	if (fold_nfc(&nfc, path))
		*ret = arena_copy(arena, buf_slice(&nfc));
	else
		fault = fault_set(why, FAULT_INPUT, "a mailbox name is too long");
	buf_done(&nfc);
	return fault;
}

enum fault folder_path_check(struct slice path, struct arena *arena, const char **ret, struct why *why)
{
	struct slice rest, part;
	unsigned depth = 0;
	enum fault fault;

	fault = normalise(path, arena, &path, why);
	if (fault)
		return fault;
	for (rest = path; slice_cut(&rest, FOLDER_SEPARATOR, &part); depth++) {
		fault = component_check(part, why);
		if (fault)
			return fault;
	}
	if (depth > FOLDER_DEPTH_MAX)
		return fault_set(why, FAULT_INPUT, "mailboxes nest at most %d deep", FOLDER_DEPTH_MAX);
	/* "inbox/x" is below INBOX, whatever the case */
	rest = path;
	if (slice_cut(&rest, FOLDER_SEPARATOR, &part) && is_inbox(part))
		*ret = rest.data ? arena_printf(arena, INBOX "%c%.*s", FOLDER_SEPARATOR, SLICE_FMT(rest))
		                 : INBOX;
	else
		*ret = arena_strz(arena, path);
	return FAULT_NONE;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, FOLDER_SEPARATOR);

	return slash ? slash + 1 : path;
}

/* "A/B/C" -> "A/B"; NULL at top level. */
static const char *parent_path(struct arena *arena, const char *path)
{
	const char *slash = strrchr(path, FOLDER_SEPARATOR);

	return slash ? arena_strz(arena, slice_of(path, (size_t)(slash - path))) : NULL;
}

static void seal_name(const struct account_key *key, struct mailbox_meta *meta, const char *name,
                      struct arena *arena)
{
	struct buf sealed;

	buf_init(&sealed, FOLDER_NAME_MAX + ACCOUNT_SEAL_OVERHEAD);
	account_seal(key, NAME_PURPOSE, id_slice(&meta->id), slice_str(name), &sealed);
	meta->name = arena_copy(arena, buf_slice(&sealed));
	meta->name_hash = account_name_hash(key, &meta->parent, slice_str(name));
	buf_done(&sealed);
}

/* ---- one step each ---- */

/*
 * What this process gave an account lately. The mailboxes themselves tell what is in use, yet one that is deleted and made
 * again within a second would get its old value back.
 */
static struct given {
	struct id account;
	uint32_t uid_validity;
} given[1024];
static pthread_mutex_t given_lock = PTHREAD_MUTEX_INITIALIZER;

/* Seconds, and above every one in use or given lately: a name that comes back never repeats a UIDVALIDITY. */
static uint32_t fresh_uid_validity(const struct actor *actor, const struct folders *folders)
{
	struct given *last = &given[(actor->account.raw[0] << 8 | actor->account.raw[1]) % ARRAY_LEN(given)];
	uint32_t fresh = (uint32_t)(clock_now() / 1000);

	for (size_t i = 0; i < folders->n; i++)
		fresh = MAX_OF(fresh, folders->list[i]->row.head.uid_validity + 1);
	pthread_mutex_lock(&given_lock);
	if (id_eq(&last->account, &actor->account))
		fresh = MAX_OF(fresh, last->uid_validity + 1);
	*last = (struct given){ actor->account, fresh };
	pthread_mutex_unlock(&given_lock);
	return fresh;
}

struct new_folder {
	struct id id; /* zero: a new one */
	struct id parent;
	const char *name;
	uint32_t special_use, uid_validity;
	bool subscribed, no_select;
	const struct folder *heir_of; /* whose ACL it gets; NULL: none */
};

/* The nearest mailbox above a path: what is made below it is shared as it is. */
static const struct folder *above(const struct folders *folders, const char *path, struct arena *arena)
{
	const struct folder *folder = NULL;

	while (!folder && (path = parent_path(arena, path)))
		folder = folders_find(folders, path);
	return folder;
}

static enum fault make_one(struct stack *stack, const struct actor *actor, const struct account_key *key,
                           const struct new_folder *new, struct id *ret, struct why *why)
{
	struct arena *arena = arena_new();
	struct mailbox_meta meta = {
		.id = id_is_zero(&new->id) ? id_new() : new->id,
		.account = actor->account,
		.parent = new->parent,
		.special_use = new->special_use,
		.subscribed = new->subscribed,
		.no_select = new->no_select,
		.acl = new->heir_of ? new->heir_of->row.meta.acl : NULL,
		.n_acl = new->heir_of ? new->heir_of->row.meta.n_acl : 0,
	};
	enum fault fault;

	seal_name(key, &meta, new->name, arena);
	fault = mailbox_create(stack->store, actor, &meta, new->uid_validity, why);
	if (!fault)
		*ret = meta.id;
	arena_free(arena);
	return fault;
}

/* The id of `path`, made with its parents where they are missing. */
static enum fault ensure(struct stack *stack, const struct actor *actor, const struct account_key *key,
                         const struct folders *folders, const char *path, struct arena *arena, struct id *ret,
                         struct why *why)
{
	const struct folder *there = path ? folders_find(folders, path) : NULL;
	struct new_folder new = { 0 };
	enum fault fault;

	if (!path || there) {
		*ret = there ? there->row.meta.id : top;
		return FAULT_NONE;
	}
	fault = ensure(stack, actor, key, folders, parent_path(arena, path), arena, &new.parent, why);
	if (fault)
		return fault;
	new.name = last_part(path);
	new.heir_of = above(folders, path, arena);
	new.uid_validity = fresh_uid_validity(actor, folders);
	return make_one(stack, actor, key, &new, ret, why);
}

/* ---- create ---- */

static enum fault revive(struct stack *stack, const struct actor *actor, struct folder *folder,
                         uint32_t special_use, bool subscribed, struct why *why)
{
	struct mailbox_meta meta = folder->row.meta;

	if (!meta.no_select)
		return fault_set(why, FAULT_EXISTS, "the mailbox is there already");
	meta.no_select = false;
	meta.special_use = special_use;
	meta.subscribed = meta.subscribed || subscribed;
	return mailbox_update(stack->store, actor, &meta, why);
}

enum fault folder_create(struct stack *stack, const struct actor *actor, const struct account_key *key,
                         const char *path, uint32_t special_use, bool subscribed, struct id *ret,
                         struct why *why)
{
	struct arena *arena = arena_new();
	struct new_folder new = { .special_use = special_use, .subscribed = subscribed };
	struct folders folders;
	struct folder *there;
	enum fault fault = folders_load(stack, actor, key, arena, &folders, why);

	if (!fault && folders.n >= FOLDERS_MAX)
		fault = fault_set(why, FAULT_LIMIT, "an account has at most %d mailboxes", FOLDERS_MAX);
	if (fault)
		goto out;
	there = folders_find(&folders, path);
	if (there) {
		fault = revive(stack, actor, there, special_use, subscribed, why);
		if (!fault)
			*ret = there->row.meta.id;
		goto out;
	}
	fault = ensure(stack, actor, key, &folders, parent_path(arena, path), arena, &new.parent, why);
	if (fault)
		goto out;
	new.name = last_part(path);
	new.heir_of = above(&folders, path, arena);
	new.uid_validity = fresh_uid_validity(actor, &folders);
	fault = make_one(stack, actor, key, &new, ret, why);
out:
	if (!fault)
		nudge_folders(stack, &actor->account);
	arena_free(arena);
	return fault;
}

enum fault folder_make(struct stack *stack, const struct actor *actor, const struct account_key *key,
                       const struct folders *folders, const char *name, const struct id *id, struct why *why)
{
	const struct new_folder new = {
		.id = *id,
		.name = name,
		.uid_validity = fresh_uid_validity(actor, folders),
		.subscribed = true,
	};
	struct id made;
	enum fault fault = make_one(stack, actor, key, &new, &made, why);

	if (!fault)
		nudge_folders(stack, &actor->account);
	return fault;
}

enum fault folders_make_standard(struct stack *stack, const struct actor *actor,
                                 const struct account_key *key, struct id *ret_inbox, struct id *ret_junk,
                                 struct why *why)
{
	static const struct {
		const char *name;
		uint32_t use;
	} standard[] = {
		{ INBOX, USE_INBOX }, { "Drafts", USE_DRAFTS }, { "Sent", USE_SENT },
		{ "Junk", USE_JUNK }, { "Trash", USE_TRASH },   { "Archive", USE_ARCHIVE },
	};
	const uint32_t uid_validity = (uint32_t)(clock_now() / 1000);
	enum fault fault = FAULT_NONE;

	for (size_t i = 0; i < ARRAY_LEN(standard) && !fault; i++) {
		const struct new_folder new = {
			.name = standard[i].name,
			.special_use = standard[i].use,
			.uid_validity = uid_validity,
			.subscribed = true,
		};
		struct id made;

		fault = make_one(stack, actor, key, &new, &made, why);
		if (!fault && standard[i].use == USE_INBOX)
			*ret_inbox = made;
		if (!fault && standard[i].use == USE_JUNK)
			*ret_junk = made;
	}
	return fault;
}

/* ---- delete, subscribe ---- */

static enum fault expunge_all(struct stack *stack, const struct actor *actor, const struct id *mailbox,
                              struct why *why)
{
	struct uid_set all;
	enum fault fault;

	uid_set_init(&all);
	uid_set_add_range(&all, 1, UINT32_MAX);
	fault = copy_expunge(stack, actor, mailbox, &all, why);
	uid_set_done(&all);
	return fault;
}

/* What is kept beside a mailbox. */
static enum fault forget(struct stack *stack, const struct actor *actor, const struct id *mailbox,
                         struct why *why)
{
	const enum fault fault = metadata_forget(stack, actor, mailbox, why);

	return fault ? fault : url_key_forget(stack, actor, mailbox, why);
}

/* The name stays for its children, without messages. Should it be made again, its UIDs go on from where they were. */
static enum fault delete_but_keep_name(struct stack *stack, const struct actor *actor,
                                       const struct folder *folder, struct why *why)
{
	struct mailbox_meta meta = folder->row.meta;
	enum fault fault;

	meta.no_select = true;
	meta.special_use = 0;
	fault = forget(stack, actor, &meta.id, why);
	if (!fault)
		fault = expunge_all(stack, actor, &meta.id,
		                    why); /* first: whatever stops us, it can be asked for again */
	if (!fault)
		fault = mailbox_update(stack->store, actor, &meta, why);
	return fault ? fault : expunge_all(stack, actor, &meta.id, why); /* what came in between */
}

static enum fault delete_whole(struct stack *stack, const struct actor *actor, const struct account_key *key,
                               const struct folders *folders, const struct folder *folder, struct why *why)
{
	const struct new_folder name = { .parent = folder->row.meta.parent,
		                         .name = folder->name,
		                         .uid_validity = fresh_uid_validity(actor, folders),
		                         .subscribed = true,
		                         .no_select = true };
	const struct actor owner = { ACTOR_OWNER, actor->account };
	struct id made;
	enum fault fault = mailbox_delete(stack->store, actor, &folder->row.meta.id, why);

	if (!fault)
		fault = forget(stack, actor, &folder->row.meta.id, why);
	if (fault || !folder->row.meta.subscribed)
		return fault;
	/* the subscription is the owner's, whoever has deleted */
	fault = make_one(stack, actor->kind == ACTOR_GUEST ? &owner : actor, key, &name, &made, why);
	return fault == FAULT_EXISTS ? FAULT_NONE : fault; /* somebody has made it again already */
}

enum fault folder_delete(struct stack *stack, const struct actor *actor, const struct account_key *key,
                         const char *path, struct why *why)
{
	struct arena *arena = arena_new();
	struct folders folders;
	struct folder *folder;
	enum fault fault = folders_load(stack, actor, key, arena, &folders, why);

	folder = fault ? NULL : folders_find(&folders, path);
	if (!fault && (!folder || folder_is_mere_subscription(folder)))
		fault = fault_set(why, FAULT_NOT_FOUND, "no such mailbox");
	else if (!fault && (folder->row.meta.special_use & USE_INBOX))
		fault = fault_set(why, FAULT_DENIED, "the INBOX stays");
	else if (!fault && folder->has_children && folder->row.meta.no_select)
		fault = fault_set(why, FAULT_DENIED, "the name has mailboxes below it: delete those first");
	else if (!fault && folder->has_children && actor->kind == ACTOR_GUEST)
		fault = fault_set(why, FAULT_DENIED, "there are mailboxes below it: delete those first");
	else if (!fault && folder->has_children)
		fault = delete_but_keep_name(stack, actor, folder, why);
	else if (!fault)
		fault = delete_whole(stack, actor, key, &folders, folder, why);
	if (!fault)
		nudge_folders(stack, &actor->account);
	arena_free(arena);
	return fault;
}

enum fault folder_subscribe(struct stack *stack, const struct actor *actor, const struct account_key *key,
                            const char *path, bool subscribed, struct why *why)
{
	struct arena *arena = arena_new();
	struct folders folders;
	struct folder *folder;
	enum fault fault = folders_load(stack, actor, key, arena, &folders, why);

	folder = fault ? NULL : folders_find(&folders, path);
	if (!fault && !folder)
		fault = fault_set(why, FAULT_NOT_FOUND, "no such mailbox");
	if (!fault && folder->row.meta.subscribed != subscribed) {
		struct mailbox_meta meta = folder->row.meta;

		meta.subscribed = subscribed;
		fault = folder_is_mere_subscription(folder) && !folder->has_children
		            ? mailbox_delete(stack->store, actor, &meta.id, why)
		            : mailbox_update(stack->store, actor, &meta, why);
		if (!fault)
			nudge_folders(stack, &actor->account);
	}
	arena_free(arena);
	return fault;
}

/* ---- rename ---- */

static bool is_below(const struct folder *folder, const struct folder *above)
{
	for (int depth = 0; folder && depth < FOLDER_DEPTH_MAX * 2; depth++, folder = folder->parent) {
		if (folder == above)
			return true;
	}
	return false;
}

/* RFC 9051 6.3.6: the messages of the INBOX move to the new name, the INBOX itself and what is below it stay. */
static enum fault move_inbox(struct stack *stack, const struct actor *actor, const struct account_key *key,
                             const struct id *inbox, const char *to, struct why *why)
{
	struct arena *arena = arena_new();
	struct mailbox_state *state = mailbox_state_new(inbox);
	struct id move;
	struct copy_request request = { .from = *inbox, .move = &move };
	struct mailbox_appended appended;
	struct mailbox_delta delta;
	struct mailbox_news news;
	struct keywords keywords;
	struct uid_set batch;
	enum fault fault;

	mailbox_delta_init(&delta);
	uid_set_init(&batch);
	fault = folder_create(stack, actor, key, to, 0, false, &request.to, why);
	if (!fault)
		fault = mailbox_fetch_news(stack->store, actor, inbox, 0, arena, &news, why);
	if (!fault)
		fault = mailbox_state_apply(state, &news, &delta, why);
	if (!fault)
		fault = keywords_open(key, news.log.keywords, news.log.head.keywords, arena, &keywords, why);
	request.keywords = &keywords;
	for (uint32_t at = 0; at < state->n && !fault; at += RENAME_BATCH) {
		uint32_t last = MIN_OF(at + RENAME_BATCH, state->n) - 1;

		uid_set_done(&batch);
		uid_set_init(&batch);
		uid_set_add_range(&batch, state->uid[at], state->uid[last]);
		copy_items(state, &batch, arena, &request.items, &request.n);
		move = id_new();
		fault = copy_run(stack, actor, key, &request, arena, &appended, why);
		if (!fault)
			fault = copy_expunge(stack, actor, inbox, &batch, why);
		if (!fault)
			move_done(stack, actor, &request.to, &move);
	}
	uid_set_done(&batch);
	mailbox_delta_done(&delta);
	mailbox_state_free(state);
	arena_free(arena);
	return fault;
}

static unsigned depth_of(const char *path)
{
	unsigned depth = 1;

	for (; *path; path++)
		depth += *path == FOLDER_SEPARATOR;
	return depth;
}

/* What is below moves along, and must stay within the depth as well. */
static enum fault check_depth(const struct folders *folders, const struct folder *folder, const char *to,
                              struct why *why)
{
	const unsigned from_depth = depth_of(folder->path), to_depth = depth_of(to);

	for (size_t i = 0; i < folders->n; i++) {
		if (is_below(folders->list[i], folder) &&
		    depth_of(folders->list[i]->path) - from_depth + to_depth > FOLDER_DEPTH_MAX)
			return fault_set(why, FAULT_LIMIT, "mailboxes nest at most %d deep",
			                 FOLDER_DEPTH_MAX);
	}
	return FAULT_NONE;
}

static enum fault move_folder(struct stack *stack, const struct actor *actor, const struct account_key *key,
                              const struct folders *folders, const struct folder *folder, const char *to,
                              struct arena *arena, struct why *why)
{
	struct mailbox_meta meta = folder->row.meta;
	const char *parent = parent_path(arena, to);
	const struct folder *target = parent ? folders_find(folders, parent) : NULL;
	size_t len = strlen(folder->path);
	enum fault fault;

	if (is_below(target, folder) || (strncmp(to, folder->path, len) == 0 && to[len] == FOLDER_SEPARATOR))
		return fault_set(why, FAULT_DENIED, "a mailbox cannot move below itself");
	fault = check_depth(folders, folder, to, why);
	if (!fault)
		fault = ensure(stack, actor, key, folders, parent, arena, &meta.parent, why);
	if (fault)
		return fault;
	seal_name(key, &meta, last_part(to), arena);
	return mailbox_update(stack->store, actor, &meta, why);
}

enum fault folder_rename(struct stack *stack, const struct actor *actor, const struct account_key *key,
                         const char *from, const char *to, struct why *why)
{
	struct arena *arena = arena_new();
	struct folders folders;
	struct folder *folder, *taken;
	enum fault fault = folders_load(stack, actor, key, arena, &folders, why);

	folder = fault ? NULL : folders_find(&folders, from);
	taken = fault ? NULL : folders_find(&folders, to);
	if (!fault && (!folder || folder_is_mere_subscription(folder)))
		fault = fault_set(why, FAULT_NOT_FOUND, "no such mailbox");
	else if (!fault && (folder->row.meta.special_use & USE_INBOX) && actor->kind == ACTOR_GUEST)
		fault = fault_set(why, FAULT_DENIED, "the INBOX stays");
	else if (!fault && taken && (!folder_is_mere_subscription(taken) || taken->has_children))
		fault = fault_set(why, FAULT_EXISTS, "the new name is taken");
	if (!fault && taken)
		fault = mailbox_delete(stack->store, actor, &taken->row.meta.id, why);
	if (!fault && (folder->row.meta.special_use & USE_INBOX))
		fault = move_inbox(stack, actor, key, &folder->row.meta.id, to, why);
	else if (!fault)
		fault = move_folder(stack, actor, key, &folders, folder, to, arena, why);
	if (!fault)
		nudge_folders(stack, &actor->account);
	arena_free(arena);
	return fault;
}
