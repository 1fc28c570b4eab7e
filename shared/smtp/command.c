/* Command lines (command.h). */
#include "smtp/command.h"

#include "base/arena.h"

static bool is_alnum(uint8_t c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static void skip(struct slice *s, size_t n)
{
	s->data += n;
	s->len -= n;
}

static size_t skip_blanks(struct slice *s)
{
	size_t n = 0;

	while (n < s->len && (s->data[n] == ' ' || s->data[n] == '\t'))
		n++;
	skip(s, n);
	return n;
}

static bool take(struct slice *s, uint8_t c)
{
	if (s->len == 0 || s->data[0] != c)
		return false;
	skip(s, 1);
	return true;
}

enum fault smtp_line_parse(struct slice line, struct smtp_line *ret, struct why *why)
{
	size_t len = 0;

	for (size_t i = 0; i < line.len; i++) {
		if ((line.data[i] < ' ' && line.data[i] != '\t') || line.data[i] == 0x7f)
			return fault_set(why, FAULT_INPUT, "control character in the command line");
	}
	while (len < line.len && is_alnum(line.data[len]))
		len++;
	if (len == 0 || (len < line.len && line.data[len] != ' ' && line.data[len] != '\t'))
		return fault_set(why, FAULT_INPUT, "no command word");
	ret->verb = slice_first(line, len);
	ret->args = slice_trim(slice_of(line.data + len, line.len - len));
	return FAULT_NONE;
}

bool smtp_word(struct slice *args, struct slice *ret)
{
	size_t len = 0;

	skip_blanks(args);
	while (len < args->len && args->data[len] != ' ' && args->data[len] != '\t')
		len++;
	*ret = slice_first(*args, len);
	skip(args, len);
	return len > 0;
}

/* A-d-l = At-domain *( "," At-domain ), then ":"; RFC 5321 4.1.2: to be accepted and ignored */
static enum fault drop_route(struct slice *s, struct why *why)
{
	struct address ignored = { .utf8 = false };
	enum fault fault;

	do {
		if (!take(s, '@'))
			return fault_set(why, FAULT_INPUT, "source route without @");
		fault = address_take_domain(s, &ignored, why);
		if (fault)
			return fault;
	} while (take(s, ','));
	return take(s, ':') ? FAULT_NONE : fault_set(why, FAULT_INPUT, "source route without its colon");
}

/* Mailbox, or for a recipient "Postmaster" alone; up to ">" */
static enum fault take_mailbox(struct arena *arena, struct slice *s, bool recipient, struct smtp_path *ret,
                               struct why *why)
{
	static const char postmaster[] = "postmaster>";

	if (recipient && slice_istarts(*s, postmaster)) {
		ret->postmaster = true;
		ret->address.local = slice_first(*s, sizeof(postmaster) - 2);
		skip(s, sizeof(postmaster) - 2);
		return FAULT_NONE;
	}
	return address_take(arena, s, &ret->address, why);
}

/* Path = "<" [ A-d-l ":" ] Mailbox ">" */
static enum fault take_path(struct arena *arena, struct slice *s, bool recipient, struct smtp_path *ret,
                            struct why *why)
{
	enum fault fault = FAULT_NONE;

	if (!take(s, '<'))
		return fault_set(why, FAULT_INPUT, "address without angle brackets");
	if (!recipient && take(s, '>')) {
		ret->null = true;
		return FAULT_NONE;
	}
	if (s->len && s->data[0] == '@')
		fault = drop_route(s, why);
	if (!fault)
		fault = take_mailbox(arena, s, recipient, ret, why);
	if (fault)
		return fault;
	return take(s, '>') ? FAULT_NONE : fault_set(why, FAULT_INPUT, "unexpected character in the address");
}

/* esmtp-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-"); esmtp-value = 1*(%d33-60 / %d62-126), UTF-8 by RFC 6531 */
static enum fault parse_param(struct slice word, struct smtp_param *ret, struct why *why)
{
	size_t len = 0;

	while (len < word.len && (is_alnum(word.data[len]) || (len > 0 && word.data[len] == '-')))
		len++;
	ret->keyword = slice_first(word, len);
	ret->value = slice_of(NULL, 0);
	if (len == 0 || (len < word.len && word.data[len] != '='))
		return fault_set(why, FAULT_INPUT, "malformed parameter");
	if (len == word.len)
		return FAULT_NONE;
	ret->value = slice_from(word, len + 1);
	if (ret->value.len == 0)
		return fault_set(why, FAULT_INPUT, "parameter %.*s without its value",
		                 SLICE_FMT(ret->keyword));
	if (ret->value.len > SMTP_VALUE_MAX || slice_chr(ret->value, '=') >= 0)
		return fault_set(why, FAULT_INPUT, "malformed value of parameter %.*s",
		                 SLICE_FMT(ret->keyword));
	return FAULT_NONE;
}

static bool is_repeated(const struct smtp_path_args *args, struct slice keyword)
{
	for (uint32_t i = 0; i < args->n_params; i++) {
		if (slice_ieq(args->params[i].keyword, keyword))
			return true;
	}
	return false;
}

static enum fault take_params(struct slice s, struct smtp_path_args *ret, struct why *why)
{
	struct smtp_param param;
	struct slice word;
	enum fault fault;

	if (s.len && skip_blanks(&s) == 0)
		return fault_set(why, FAULT_INPUT, "unexpected character behind the address");
	while (smtp_word(&s, &word)) {
		fault = parse_param(word, &param, why);
		if (fault)
			return fault;
		if (is_repeated(ret, param.keyword))
			return fault_set(why, FAULT_INPUT, "parameter given twice");
		if (ret->n_params == SMTP_PARAMS_MAX)
			return fault_set(why, FAULT_LIMIT, "too many parameters");
		ret->params[ret->n_params++] = param;
	}
	return FAULT_NONE;
}

static enum fault path_args(struct arena *arena, struct slice args, const char *word,
                            struct smtp_path_args *ret, struct why *why)
{
	bool recipient = slice_is(SLICE("TO:"), word);
	struct smtp_path_args got = { .n_params = 0 };
	enum fault fault;

	if (!slice_istarts(args, word))
		return fault_set(why, FAULT_INPUT, "expected %s<address>", word);
	skip(&args, strlen(word));
	skip_blanks(&args);
	fault = take_path(arena, &args, recipient, &got.path, why);
	if (!fault)
		fault = take_params(args, &got, why);
	if (!fault)
		*ret = got;
	return fault;
}

enum fault smtp_mail_args(struct arena *arena, struct slice args, struct smtp_path_args *ret, struct why *why)
{
	return path_args(arena, args, "FROM:", ret, why);
}

enum fault smtp_rcpt_args(struct arena *arena, struct slice args, struct smtp_path_args *ret, struct why *why)
{
	return path_args(arena, args, "TO:", ret, why);
}

enum fault smtp_helo_args(struct slice args, struct slice *ret_name, bool *ret_valid, struct why *why)
{
	struct address domain = { .utf8 = false };
	struct slice name, rest;

	if (!smtp_word(&args, &name))
		return fault_set(why, FAULT_INPUT, "no name given");
	skip_blanks(&args);
	if (args.len)
		return fault_set(why, FAULT_INPUT, "more than a name given");
	if (name.len > ADDRESS_DOMAIN_MAX)
		return fault_set(why, FAULT_INPUT, "name too long");
	rest = name;
	*ret_valid = address_take_domain(&rest, &domain, NULL) == FAULT_NONE && rest.len == 0;
	*ret_name = name;
	return FAULT_NONE;
}

enum fault smtp_bdat_args(struct slice args, uint64_t *ret_size, bool *ret_last, struct why *why)
{
	struct slice size, last = slice_of(NULL, 0), more;
	uint64_t value;

	if (!smtp_word(&args, &size) || !slice_u64(size, UINT64_MAX, &value))
		return fault_set(why, FAULT_INPUT, "no chunk size");
	if (smtp_word(&args, &last) && !slice_is(last, "LAST"))
		return fault_set(why, FAULT_INPUT, "expected LAST");
	if (smtp_word(&args, &more))
		return fault_set(why, FAULT_INPUT, "more than size and LAST");
	*ret_size = value;
	*ret_last = last.len > 0;
	return FAULT_NONE;
}
