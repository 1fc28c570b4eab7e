/*
 * What is asked of a search and given back (search_return.h).
 *
 *   search-return-opts = "RETURN" SP "(" [option *(SP option)] ")"
 *   option             = "UPDATE" / "CONTEXT" / "MIN" / "MAX" / "ALL" / "COUNT" / "SAVE" / "RELEVANCY" / "PARTIAL" SP partial-range
 *   esearch-response   = "ESEARCH" SP "(" "TAG" SP string ")" [SP "UID"] *(SP name SP value)
 */
#include "search_return.h"

#include <inttypes.h>

#include "rows.h"

/* ---- asking ---- */

static bool fail(struct imap_args *args, const char *error)
{
	args->error = error;
	return false;
}

static bool parse_partial(struct imap_args *args, struct search_return *ret)
{
	if (!imap_args_word(args, "PARTIAL"))
		return fail(args, "Unknown thing to return");
	if (ret->wanted & RETURN_PARTIAL)
		return fail(args, "PARTIAL stands there twice");
	ret->wanted |= RETURN_PARTIAL;
	return imap_args_space(args) && partial_parse(args, &ret->partial);
}

static void unref(void *news)
{
	news_fetch_unref(news);
}

/* "UPDATE" [SP] ["(" fetch-att *(SP fetch-att) ")"], with a space in the RFC's example and none in its grammar */
static bool parse_update(struct imap_args *args, struct search_return *ret)
{
	struct imap_args ahead = *args;

	if (ret->update)
		return fail(args, "UPDATE stands there twice");
	ret->update = true;
	imap_args_space(&ahead);
	if (!imap_args_peek(&ahead, '('))
		return true;
	*args = ahead;
	ret->fetch = news_fetch_parse(args);
	if (ret->fetch)
		arena_on_free(args->arena, unref, ret->fetch);
	return ret->fetch;
}

static bool parse_option(struct imap_args *args, struct search_return *ret)
{
	static const struct {
		const char *word;
		unsigned wanted;
	} words[] = {
		{ "MIN", RETURN_MIN }, { "MAX", RETURN_MAX },   { "COUNT", RETURN_COUNT },
		{ "ALL", RETURN_ALL }, { "SAVE", RETURN_SAVE }, { "RELEVANCY", RETURN_RELEVANCY },
	};

	if (imap_args_word(args, "CONTEXT"))
		return true; /* the view remembers what it has met in any case */
	if (imap_args_word(args, "UPDATE")) {
		return parse_update(args, ret);
	}
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (imap_args_word(args, words[i].word)) {
			ret->wanted |= words[i].wanted;
			return true;
		}
	}
	return parse_partial(args, ret);
}

static bool parse_options(struct imap_args *args, struct search_return *ret)
{
	if (!imap_args_open(args))
		return false;
	if (imap_args_close(args))
		return true;
	do {
		if (!parse_option(args, ret))
			return false;
	} while (imap_args_more(args));
	return imap_args_close(args);
}

bool search_return_parse(struct imap_args *args, struct search_return *ret)
{
	const unsigned both = RETURN_ALL | RETURN_PARTIAL;

	*ret = (struct search_return){ .extended = imap_args_word(args, "RETURN") };
	if (!ret->extended)
		return true;
	if (!imap_args_space(args) || !parse_options(args, ret) || !imap_args_space(args))
		return false;
	if (!ret->wanted)
		ret->wanted = RETURN_ALL;
	return (ret->wanted & both) != both || fail(args, "ALL and PARTIAL exclude each other");
}

/* ---- results ---- */

void search_found_take(struct imap_cmd *cmd, const struct uid_set *uids, struct search_found *ret)
{
	search_found_among(&cmd->session->selected, cmd->uid_form, uids, cmd->arena, ret);
}

void search_found_among(const struct selected *selected, bool as_uids, const struct uid_set *uids,
                        struct arena *arena, struct search_found *ret)
{
	const size_t most = MIN_OF(uid_set_count(uids), (uint64_t)selected->view->state->n);
	struct rows rows;

	ret->rows = arena_array(arena, struct search_row_found, most);
	ret->n = 0;
	rows_start(&rows, selected, uids);
	while (ret->n < most && rows_next(&rows)) {
		struct search_row_found *row = &ret->rows[ret->n++];

		row->uid = rows.uid;
		row->number = as_uids ? rows.uid : rows.seq;
		row->modseq = selected->view->state->modseq[rows.at];
	}
}

static uint64_t highest(const struct search_found *found, size_t from, size_t to)
{
	uint64_t modseq = 0;

	for (size_t i = from; i < to; i++)
		modseq = MAX_OF(modseq, found->rows[i].modseq);
	return modseq;
}

/* Of what is told; of all when ALL or COUNT are (RFC 7162 3.1.10). */
static uint64_t modseq_of(const struct search_return *asked, const struct search_found *found)
{
	size_t from = 0, to = found->n;
	uint64_t modseq = 0;

	if (!asked->extended || (asked->wanted & (RETURN_ALL | RETURN_COUNT)))
		return highest(found, 0, found->n);
	if (asked->wanted & RETURN_PARTIAL) {
		partial_of(&asked->partial, found->n, &from, &to);
		modseq = highest(found, from, to);
	}
	if (asked->wanted & RETURN_MIN)
		modseq = MAX_OF(modseq, highest(found, 0, 1));
	if (asked->wanted & RETURN_MAX)
		modseq = MAX_OF(modseq, highest(found, found->n - 1, found->n));
	return modseq;
}

/* ---- saving ---- */

static void save_range(struct uid_set *saved, const struct search_found *found, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		uid_set_add(saved, found->rows[i].uid);
}

/* All that was found; but only what is told, if that is some messages and not their number (RFC 5182 2.4, RFC 9394
 * 3.2). */
static void save(struct uid_set *saved, const struct search_return *asked, const struct search_found *found)
{
	const unsigned some = asked->wanted & (RETURN_MIN | RETURN_MAX | RETURN_PARTIAL);
	size_t from = 0, to = 0;

	uid_set_done(saved);
	uid_set_init(saved);
	if (!found->n)
		return;
	if (!some || (asked->wanted & (RETURN_ALL | RETURN_COUNT))) {
		save_range(saved, found, 0, found->n);
		return;
	}
	if (some & RETURN_PARTIAL)
		partial_of(&asked->partial, found->n, &from, &to);
	save_range(saved, found, from, to);
	if (some & RETURN_MIN)
		save_range(saved, found, 0, 1);
	if (some & RETURN_MAX)
		save_range(saved, found, found->n - 1, found->n);
}

void search_return_failed(struct imap_cmd *cmd, const struct search_return *asked)
{
	struct uid_set *saved = &cmd->session->selected.saved;

	if (!(asked->wanted & RETURN_SAVE))
		return;
	uid_set_done(saved);
	uid_set_init(saved);
}

/* ---- telling ---- */

static void add_number(struct buf *out, char before, uint32_t number)
{
	char text[12];
	size_t at = sizeof(text);

	do
		text[--at] = (char)('0' + number % 10);
	while (number /= 10);
	if (before)
		text[--at] = before;
	buf_add(out, text + at, sizeof(text) - at);
}

/* A sequence-set that keeps the order: only what ascends one by one becomes a range. */
static void add_set(struct buf *out, const struct search_found *found, size_t from, size_t to)
{
	const struct search_row_found *rows = found->rows;

	for (size_t i = from, end; i < to; i = end) {
		for (end = i + 1; end < to && rows[end].number == rows[end - 1].number + 1; end++)
			;
		add_number(out, i > from ? ',' : '\0', rows[i].number);
		if (end - i > 1)
			add_number(out, ':', rows[end - 1].number);
	}
}

static void add_partial(struct buf *out, const struct partial *partial, const struct search_found *found)
{
	const char *sign = partial->backwards ? "-" : "";
	size_t from, to;

	partial_of(partial, found->n, &from, &to);
	buf_printf(out, " PARTIAL (%s%u:%s%u ", sign, partial->first, sign, partial->last);
	if (from < to)
		add_set(out, found, from, to);
	else
		buf_adds(out, "NIL");
	buf_addc(out, ')');
}

/* In the order of the messages that are told, or of all. */
static void add_relevancy(struct buf *out, const struct search_return *asked,
                          const struct search_found *found)
{
	size_t from = 0, to = found->n;

	if (asked->wanted & RETURN_PARTIAL)
		partial_of(&asked->partial, found->n, &from, &to);
	buf_adds(out, " RELEVANCY (");
	for (size_t i = from; i < to; i++)
		add_number(out, i > from ? ' ' : '\0', found->rows[i].score);
	buf_addc(out, ')');
}

static void add_extended(struct buf *out, const struct imap_cmd *cmd, const struct search_return *asked,
                         const struct search_found *found)
{
	const unsigned wanted = asked->wanted;

	buf_printf(out, "* ESEARCH (TAG \"%s\"", cmd->tag);
	if (asked->mailbox) {
		buf_adds(out, " MAILBOX ");
		imap_add_mailbox(out, cmd->session, asked->mailbox);
		buf_printf(out, " UIDVALIDITY %u", asked->uid_validity);
	}
	buf_printf(out, ")%s", cmd->uid_form ? " UID" : "");
	if ((wanted & RETURN_MIN) && found->n)
		buf_printf(out, " MIN %u", found->rows[0].number);
	if ((wanted & RETURN_MAX) && found->n)
		buf_printf(out, " MAX %u", found->rows[found->n - 1].number);
	if (wanted & RETURN_COUNT)
		buf_printf(out, " COUNT %zu", found->n);
	if ((wanted & RETURN_ALL) && found->n) {
		buf_adds(out, " ALL ");
		add_set(out, found, 0, found->n);
	}
	if (wanted & RETURN_PARTIAL)
		add_partial(out, &asked->partial, found);
	if (wanted & RETURN_RELEVANCY)
		add_relevancy(out, asked, found);
}

static void add_plain(struct buf *out, const char *name, const struct search_found *found)
{
	buf_printf(out, "* %s", name);
	for (size_t i = 0; i < found->n; i++)
		add_number(out, ' ', found->rows[i].number);
}

void search_return_tell(struct imap_cmd *cmd, const struct search_return *asked, const char *name,
                        bool modseq, const struct search_found *found)
{
	const uint64_t number = modseq && found->n ? modseq_of(asked, found) : 0;
	struct buf out;

	if (asked->wanted & RETURN_SAVE)
		save(&cmd->session->selected.saved, asked, found);
	if (asked->wanted == RETURN_SAVE)
		return;               /* it asked for nothing to be told */
	buf_init(&out, BUF_NO_LIMIT); /* a number a message */
	if (asked->extended)
		add_extended(&out, cmd, asked, found);
	else
		add_plain(&out, name, found);
	if (number)
		buf_printf(&out, asked->extended ? " MODSEQ %" PRIu64 : " (MODSEQ %" PRIu64 ")", number);
	buf_adds(&out, "\r\n");
	conn_write(cmd->session->conn, out.data, out.len);
	buf_done(&out);
}
