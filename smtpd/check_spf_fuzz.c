/*
 * SPF on zones that the input makes: each question draws its answer from it, most of it words of the grammar, so
 * that records compile and are evaluated deep. libspf2 itself is under test here, behind the fences of check_spf.c.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/rand.h"
#include "check_spf.h"
#include "dns/answer.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const words[] = {
	"v=spf1",
	" ",
	" ",
	" a",
	" mx",
	" ptr",
	" all",
	" -all",
	" ~all",
	" ?all",
	" +",
	" -",
	" include:",
	" redirect=",
	" exists:",
	" a:",
	" mx:",
	" ptr:",
	" ip4:",
	" ip6:",
	"192.0.2.1",
	"192.0.2.0/24",
	"2001:db8::1",
	"2001:db8::/32",
	"/24",
	"//64",
	"/24//64",
	"/0",
	"/33",
	" exp=",
	" x=",
	"a.test",
	"b.test",
	"c.test",
	".",
	"%{",
	"}",
	"%{d}",
	"%{i}",
	"%{l}",
	"%{s}",
	"%{o}",
	"%{h}",
	"%{p}",
	"%{v}",
	"%{d2}",
	"%{ir}",
	"%{l1r-}",
	"%{S}",
	"%{L}",
	"%{d1r+,/_=}",
	"%%",
	"%_",
	"%-",
	"%{d99}",
	"%{d0}",
	":",
	"=",
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
};

struct source {
	struct slice rest;
	unsigned asked;
};

static uint8_t draw(struct source *source)
{
	uint8_t byte = source->rest.len ? source->rest.data[0] : 0;

	source->rest = slice_from(source->rest, 1);
	return byte;
}

/* Up to 30 words or raw bytes; 255 says the record is made very long. */
static void draw_text(struct source *source, struct buf *out)
{
	unsigned n = draw(source) % 31;

	for (unsigned i = 0; i < n && source->rest.len; i++) {
		uint8_t byte = draw(source);

		if (byte < 240)
			buf_adds(out, words[byte % ARRAY_LEN(words)]);
		else if (byte < 250)
			buf_addc(out, draw(source));
		else
			for (int k = 0; k < 40; k++)
				buf_adds(out, words[draw(source) % ARRAY_LEN(words)]);
	}
}

static struct slice draw_rdata(struct source *source, enum dns_type type, struct buf *text, uint8_t out[4096])
{
	static const char *const names[] = { "\1a\4test", "\1b\4test", "\1c\4test", "", "\4nope\4test" };
	const char *name = names[draw(source) % ARRAY_LEN(names)];
	size_t len = 0;

	if (type == DNS_A || type == DNS_AAAA) {
		memset(out, draw(source), 16);
		if (draw(source) & 1)
			memcpy(out, "\300\0\2\1", 4);
		return slice_of(out, type == DNS_A ? 4 : 16);
	}
	if (type == DNS_MX || type == DNS_PTR) {
		if (type == DNS_MX)
			out[len++] = 0, out[len++] = draw(source);
		memcpy(out + len, name, strlen(name) + 1);
		return slice_of(out, len + strlen(name) + 1);
	}
	buf_clear(text);
	buf_adds(text, draw(source) & 7 ? "v=spf1 " : "");
	draw_text(source, text);
	for (size_t at = 0; at < text->len && len < 4096 - 256; at += 255) {
		size_t part = MIN_OF(text->len - at, (size_t)255);

		out[len++] = (uint8_t)part;
		memcpy(out + len, text->data + at, part);
		len += part;
	}
	return slice_of(out, len);
}

static const struct dns_answer *known(void *arg, const char *name, enum dns_type type)
{
	static uint8_t bytes[12][4096];
	struct source *source = arg;
	struct slice rdata[12];
	struct dns_raw raw = { .type = type, .status = DNS_OK, .ttl = 60, .rdata = rdata };
	uint8_t how = draw(source);
	struct buf text;

	(void)name;
	source->asked++;
	buf_init(&text, 65536);
	if (how >= 240)
		raw.status = how & 1 ? DNS_TEMPFAIL : DNS_NXDOMAIN;
	raw.n = how % 16 == 15 ? 12 : type == DNS_MX ? how % 4 : 1 + (how % 16 == 14);
	for (size_t i = 0; i < raw.n; i++)
		rdata[i] = draw_rdata(source, type, &text, bytes[i]);
	buf_done(&text);
	return dns_answer_new(&raw);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	rand_start();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const clients[] = { "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1",
		                               "198.51.100.7" };
	struct arena *arena = arena_new();
	struct source source = { .rest = slice_of(data, size) };
	struct spf_input input = { .ip = clients[draw(&source) % ARRAY_LEN(clients)] };
	struct answers answers;
	struct spf_outcome outcome;
	struct slice helo = slice_first(source.rest, draw(&source) % 64), local;
	struct buf received;

	source.rest = slice_from(source.rest, helo.len);
	local = slice_first(source.rest, draw(&source));
	source.rest = slice_from(source.rest, local.len);
	input.helo = arena_strz(arena, helo);
	input.mail_from = slice_str(arena_printf(arena, "%.*s@a.test", SLICE_FMT(local)));
	answers_init(&answers, arena, known, &source);
	if (!spf_check_mail_from(&answers, &input, arena, &outcome))
		abort(); /* everything is known */
	/* ten terms, of which each may be an MX or a PTR with ten hosts, and what was only expected */
	if (source.asked > 1 + 10 + 100 + 20)
		abort();
	buf_init(&received, 65536);
	spf_received_field(&received, arena, &input, &outcome, "mx.test");
	if (memchr(received.data, 0, received.len))
		abort();
	buf_done(&received);
	arena_free(arena);
	return 0;
}
