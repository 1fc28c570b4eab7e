/*
 * Reading the configuration file (conf.h) with libconfuse, whose part is the
 * syntax: to it every setting is a string or a list of strings, and what they
 * mean is conf_value.c's. A value is checked in the parser's own callback, the
 * only place that knows its line. Nothing is stored before all is well.
 */
#include "base/conf.h"

#include <assert.h>
#include <confuse.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/conf_skip.h"
#include "base/conf_value.h"

#define FILE_LIMIT (1 << 20)

/* Put behind every file: libconfuse takes one that ends within a section or a comment, this option then is not read
 * where it should be. */
#define END_MARK "end_of_file"

struct loader {
	const struct conf_section *sections;
	size_t n_sections;
	const char **others; /* sections to skip, ended by NULL */
	const char *path;
	struct arena *scratch;
	struct why error; /* the first one */
	bool failed;
};

/* libconfuse's scanner is global, and its callbacks carry no pointer of ours. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct loader *loading;

static bool same_name(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* The row behind an option; several tables may share a section. */
static const struct conf_row *find_row(const struct loader *loader, const char *section, const char *name)
{
	for (size_t i = 0; i < loader->n_sections; i++) {
		if (!same_name(loader->sections[i].name, section))
			continue;
		for (const struct conf_row *row = loader->sections[i].rows; row->name; row++)
			if (strcmp(row->name, name) == 0)
				return row;
	}
	return NULL;
}

static void PRINTF_LIKE(2, 0) on_error(cfg_t *cfg, const char *format, va_list args)
{
	char text[192];

	if (loading->failed)
		return;
	loading->failed = true;
	vsnprintf(text, sizeof(text), format, args);
	if (strstr(text, END_MARK))
		snprintf(text, sizeof(text), "premature end of file");
	(void)fault_set(&loading->error, FAULT_CONFIG, "%s:%d: %s", loading->path, cfg->line, text);
}

/* Called by the parser after each value. */
static int on_value(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *section = strcmp(cfg_name(cfg), "root") == 0 ? NULL : cfg_name(cfg);
	const struct conf_row *row = find_row(loading, section, cfg_opt_name(opt));
	const char *text = cfg_opt_size(opt) ? cfg_opt_getnstr(opt, cfg_opt_size(opt) - 1) : NULL;
	struct why why;

	if (!row) {
		cfg_error(cfg, "no such option '%s'", cfg_opt_name(opt));
		return -1;
	}
	if (!text || conf_value_check(row, text, &why) == FAULT_NONE)
		return 0;
	cfg_error(cfg, "%s", why.text);
	return -1;
}

static size_t count_rows(const struct loader *loader)
{
	size_t n = 0;

	for (size_t i = 0; i < loader->n_sections; i++)
		for (const struct conf_row *row = loader->sections[i].rows; row->name; row++)
			n++;
	return n;
}

static bool has_option(const cfg_opt_t *options, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(options[i].name, name) == 0)
			return true;
	return false;
}

/* Appends the options of one section's tables; gives the new count. */
static size_t add_rows(const struct loader *loader, const char *section, cfg_opt_t *options, size_t n)
{
	for (size_t i = 0; i < loader->n_sections; i++) {
		if (!same_name(loader->sections[i].name, section))
			continue;
		for (const struct conf_row *row = loader->sections[i].rows; row->name; row++) {
			cfg_opt_t option = CFG_STR(row->name, NULL, CFGF_NODEFAULT);

			if (has_option(options, n, row->name))
				continue;
			if (row->type == CONF_LIST)
				option.flags |= CFGF_LIST;
			option.validcb = on_value;
			options[n++] = option;
		}
	}
	return n;
}

/* The grammar of the whole file, which libconfuse copies. The sections of others are there, and empty. */
static cfg_t *grammar(struct loader *loader, const char *const *known_elsewhere)
{
	size_t rows = count_rows(loader), known = 0, others = 0, n;
	cfg_opt_t *options, *inner;

	while (known_elsewhere && known_elsewhere[known])
		known++;
	loader->others = arena_array(loader->scratch, const char *, known + 1);
	options = arena_array(loader->scratch, cfg_opt_t, rows + loader->n_sections + known + 2);
	n = add_rows(loader, NULL, options, 0);
	options[n++] = (cfg_opt_t)CFG_STR(END_MARK, NULL, CFGF_NODEFAULT);
	for (size_t i = 0; i < loader->n_sections; i++) {
		const char *name = loader->sections[i].name;

		if (!name || has_option(options, n, name))
			continue;
		inner = arena_array(loader->scratch, cfg_opt_t, rows + 1);
		add_rows(loader, name, inner, 0);
		options[n++] = (cfg_opt_t)CFG_SEC(name, inner, CFGF_NONE);
	}
	inner = arena_array(loader->scratch, cfg_opt_t, 1);
	for (size_t i = 0; i < known; i++) {
		if (has_option(options, n, known_elsewhere[i]))
			continue;
		options[n++] = (cfg_opt_t)CFG_SEC(known_elsewhere[i], inner, CFGF_NONE);
		loader->others[others++] = known_elsewhere[i];
	}
	return cfg_init(options, CFGF_NONE);
}

/* Whole into memory: the scanner would end the process over a read error. */
static enum fault read_file(const char *path, struct buf *out, struct why *why)
{
	FILE *file = fopen(path, "re");
	bool failed;
	uint8_t *room;

	if (!file) {
		(void)fault_errno(why, errno, "cannot open the configuration %s", path);
		return FAULT_CONFIG;
	}
	while ((room = buf_room(out, 4096))) {
		size_t got = fread(room, 1, 4096, file);

		out->len += got;
		if (got == 0)
			break;
	}
	failed = ferror(file) != 0;
	if (failed)
		(void)fault_errno(why, errno, "cannot read %s", path);
	fclose(file);
	if (failed)
		return FAULT_CONFIG;
	if (out->overflow || slice_chr(buf_slice(out), 0) >= 0)
		return fault_set(why, FAULT_CONFIG, "%s is too large or no text", path);
	return FAULT_NONE;
}

static bool parse_text(cfg_t *cfg, void *text, size_t len)
{
	FILE *file = fmemopen(text, len, "r");
	bool good;

	if (!file)
		return false;
	good = cfg_parse_fp(cfg, file) == CFG_SUCCESS;
	fclose(file);
	return good;
}

/* A file that ends inside a string or a comment leaves the global scanner there. This line ends each of the three,
 * and is a comment where there is none to end. */
static void reset_scanner(cfg_t *cfg)
{
	char ends[] = "#'\"*/\n";

	parse_text(cfg, ends, sizeof(ends) - 1);
}

static enum fault parse_file(struct loader *loader, cfg_t *cfg, struct why *why)
{
	struct buf text;
	enum fault fault;

	buf_init(&text, FILE_LIMIT + 64);
	fault = read_file(loader->path, &text, why);
	if (!fault) {
		conf_skip_sections(text.data, text.len, loader->others);
		buf_adds(&text, slice_ends(buf_slice(&text), "\n") ? "" : "\n");
		buf_adds(&text, END_MARK " = yes\n");
	}
	if (!fault && (!parse_text(cfg, text.data, text.len) || !cfg_getstr(cfg, END_MARK))) {
		if (!loader->failed)
			(void)fault_set(&loader->error, FAULT_CONFIG, "%s ends within a comment or a section",
			                loader->path);
		loader->failed = true; /* later errors are the scanner's, being reset */
		reset_scanner(cfg);
		fault = fault_set(why, FAULT_CONFIG, "%s", loader->error.text);
	}
	buf_done(&text);
	return fault;
}

static const char *environment(const struct loader *loader, const char *section, const char *name,
                               char **ret_name)
{
	char *key = section ? arena_printf(loader->scratch, "POSTHOUSE_%s_%s", section, name)
	                    : arena_printf(loader->scratch, "POSTHOUSE_%s", name);

	for (char *c = key; *c; c++)
		*c = *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c == '-' ? '_' : *c;
	*ret_name = key;
	return getenv(key);
}

/* Where a setting's text comes from: the environment, else the file, else the table. */
struct origin {
	const char **texts;
	size_t n;
	const char *who; /* for the fault */
};

static struct origin origin_of(const struct loader *loader, cfg_t *cfg, const char *section,
                               const struct conf_row *row)
{
	cfg_t *in = section ? cfg_getsec(cfg, section) : cfg;
	cfg_opt_t *opt = cfg_getopt(in, row->name);
	struct origin from = { arena_array(loader->scratch, const char *, 1), 1, "a default" };
	const char *text;
	char *key;

	text = environment(loader, section, row->name, &key);
	if (text) {
		from.texts[0] = text;
		from.who = key;
	} else if (opt && opt->flags & CFGF_MODIFIED) {
		from.who = loader->path;
		from.n = cfg_opt_size(opt);
		from.texts = arena_array(loader->scratch, const char *, from.n + 1);
		for (size_t i = 0; i < from.n; i++)
			from.texts[i] = cfg_opt_getnstr(opt, (unsigned)i);
	} else {
		from.texts[0] = row->fallback ? row->fallback : "";
	}
	return from;
}

static enum fault check_all(const struct loader *loader, cfg_t *cfg, struct why *why)
{
	for (size_t i = 0; i < loader->n_sections; i++) {
		const struct conf_section *section = &loader->sections[i];

		for (const struct conf_row *row = section->rows; row->name; row++) {
			struct origin from = origin_of(loader, cfg, section->name, row);

			for (size_t j = 0; j < from.n; j++)
				if (conf_value_check(row, from.texts[j], why) != FAULT_NONE)
					return fault_add(why, FAULT_CONFIG, "%s", from.who);
		}
	}
	return FAULT_NONE;
}

static void store_all(const struct loader *loader, cfg_t *cfg, struct arena *arena)
{
	for (size_t i = 0; i < loader->n_sections; i++) {
		const struct conf_section *section = &loader->sections[i];

		for (const struct conf_row *row = section->rows; section->target && row->name; row++) {
			struct origin from = origin_of(loader, cfg, section->name, row);

			conf_value_store(row, section->target, from.texts, from.n, arena);
		}
	}
}

enum fault conf_load(const char *path, const struct conf_section *sections, size_t n_sections,
                     const char *const *known_elsewhere, struct arena *arena, struct why *why)
{
	struct loader loader = { sections, n_sections, NULL, path, arena_new(), { "" }, false };
	enum fault fault = FAULT_NONE;
	cfg_t *cfg;

	pthread_mutex_lock(&lock);
	loading = &loader;
	cfg = grammar(&loader, known_elsewhere);
	if (!cfg)
		fault = fault_set(why, FAULT_CONFIG, "libconfuse does not start");
	if (cfg)
		cfg_set_error_function(cfg, on_error);
	if (!fault && path)
		fault = parse_file(&loader, cfg, why);
	if (!fault)
		fault = check_all(&loader, cfg, why);
	if (!fault)
		store_all(&loader, cfg, arena);
	cfg_free(cfg);
	loading = NULL;
	pthread_mutex_unlock(&lock);
	arena_free(loader.scratch);
	return fault;
}

void conf_print(const struct conf_section *sections, size_t n_sections, struct buf *out)
{
	for (size_t i = 0; i < n_sections; i++) {
		const struct conf_section *section = &sections[i];

		if (section->name)
			buf_printf(out, "%s {\n", section->name);
		for (const struct conf_row *row = section->rows; row->name; row++)
			conf_value_print(row, section->target, section->name ? "\t" : "", out);
		buf_adds(out, section->name ? "}\n" : "");
	}
}
