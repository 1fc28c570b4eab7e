/* Command lines: what is taken keeps the grammar, and parameters written again mean the same. */
#include <stdlib.h>

#include "base/arena.h"
#include "smtp/params.h"

#define HOLDS(what)                                                                                          \
	do {                                                                                                 \
		if (!(what))                                                                                 \
			abort();                                                                             \
	} while (0)

enum { ALL = 0x7f };

static void check_args(const struct smtp_path_args *args)
{
	HOLDS(args->n_params <= SMTP_PARAMS_MAX);
	HOLDS(args->path.null || args->path.postmaster ||
	      (args->path.address.local.len && args->path.address.domain.len));
	for (uint32_t i = 0; i < args->n_params; i++)
		HOLDS(args->params[i].keyword.len && args->params[i].value.len <= SMTP_VALUE_MAX);
}

static void check_mail(struct arena *arena, struct slice text)
{
	struct smtp_path_args args, again;
	struct smtp_mail_params a, b;
	struct buf out;

	if (smtp_mail_args(arena, text, &args, NULL))
		return;
	check_args(&args);
	if (smtp_mail_params(arena, &args, ALL, &a, NULL))
		return;
	buf_init(&out, BUF_NO_LIMIT);
	buf_adds(&out, "FROM:<>");
	smtp_mail_params_add(&out, &a, ALL);
	HOLDS(smtp_mail_args(arena, buf_slice(&out), &again, NULL) == FAULT_NONE);
	HOLDS(smtp_mail_params(arena, &again, ALL, &b, NULL) == FAULT_NONE);
	HOLDS(a.size == b.size && a.has_size == b.has_size && a.body == b.body && a.ret == b.ret);
	HOLDS(a.smtputf8 == b.smtputf8 && slice_eq(a.auth, b.auth) && slice_eq(a.envid, b.envid));
	buf_done(&out);
}

static void check_rcpt(struct arena *arena, struct slice text)
{
	struct smtp_path_args args, again;
	struct smtp_rcpt_params a, b;
	struct buf out;

	if (smtp_rcpt_args(arena, text, &args, NULL))
		return;
	check_args(&args);
	if (smtp_rcpt_params(arena, &args, ALL, true, &a, NULL))
		return;
	buf_init(&out, BUF_NO_LIMIT);
	buf_adds(&out, "TO:<a@b>");
	smtp_rcpt_params_add(&out, &a, ALL);
	HOLDS(slice_chr(buf_slice(&out), '\r') < 0 && slice_chr(buf_slice(&out), '\n') < 0);
	if (out.len < 500) { /* escaped, it may have grown past what is taken */
		HOLDS(smtp_rcpt_args(arena, buf_slice(&out), &again, NULL) == FAULT_NONE);
		HOLDS(smtp_rcpt_params(arena, &again, ALL, true, &b, NULL) == FAULT_NONE);
		HOLDS(a.notify == b.notify && slice_eq(a.orcpt_type, b.orcpt_type) &&
		      slice_eq(a.orcpt, b.orcpt));
	}
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct smtp_line line;
	struct slice name;
	uint64_t chunk;
	bool flag;

	if (!smtp_line_parse(slice_of(data, size), &line, NULL)) {
		HOLDS(line.verb.len && line.verb.len + line.args.len <= size);
		check_mail(arena, line.args);
		check_rcpt(arena, line.args);
		if (!smtp_helo_args(line.args, &name, &flag, NULL))
			HOLDS(name.len && name.len <= ADDRESS_DOMAIN_MAX);
		if (!smtp_bdat_args(line.args, &chunk, &flag, NULL))
			HOLDS(line.args.len);
	}
	arena_free(arena);
	return 0;
}
