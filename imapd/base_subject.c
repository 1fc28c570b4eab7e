/*
 * Base subjects (base_subject.h, RFC 5256 2.1).
 *
 *   subject     = *subj-leader [subj-middle] *subj-trailer
 *   subj-refwd  = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"
 *   subj-blob   = "[" *BLOBCHAR "]" *WSP            ; no "[" nor "]" in it
 *   subj-leader = (*subj-blob subj-refwd) / WSP
 *   subj-middle = *subj-blob (subj-base / subj-fwd) ; subj-fwd = "[fwd:" subject "]"
 *   subj-trailer = "(fwd)" / WSP
 */
#include "base_subject.h"

#include "mail/encoded.h"

static bool is_wsp(uint8_t c)
{
	return c == ' ' || c == '\t';
}

void subject_plain(struct buf *out, struct slice value)
{
	size_t from = out->len, to = from;

	encoded_decode(out, slice_trim(slice_first(value, SUBJECT_MAX)));
	for (size_t i = from; i < out->len; i++) {
		uint8_t c = out->data[i];

		if (c == '\t' || c == '\r' || c == '\n')
			c = ' ';
		if (c != ' ' || to == from || out->data[to - 1] != ' ')
			out->data[to++] = c;
	}
	out->len = to;
}

static struct slice skip_wsp(struct slice s)
{
	while (s.len && is_wsp(s.data[0]))
		s = slice_of(s.data + 1, s.len - 1);
	return s;
}

static bool take_blob(struct slice *s)
{
	if (!s->len || s->data[0] != '[')
		return false;
	for (size_t i = 1; i < s->len; i++) {
		if (s->data[i] == '[')
			return false;
		if (s->data[i] == ']') {
			*s = skip_wsp(slice_of(s->data + i + 1, s->len - i - 1));
			return true;
		}
	}
	return false;
}

static bool take_refwd(struct slice *s)
{
	struct slice rest = *s;
	size_t len = slice_istarts(rest, "fwd")                               ? 3
	             : slice_istarts(rest, "re") || slice_istarts(rest, "fw") ? 2
	                                                                      : 0;

	if (!len)
		return false;
	rest = skip_wsp(slice_of(rest.data + len, rest.len - len));
	take_blob(&rest);
	if (!rest.len || rest.data[0] != ':')
		return false;
	*s = slice_of(rest.data + 1, rest.len - 1);
	return true;
}

/* Step 2. */
static struct slice cut_trailers(struct slice s, bool *reply)
{
	while (s.len) {
		if (is_wsp(s.data[s.len - 1])) {
			s.len--;
		} else if (s.len >= 5 && slice_is(slice_of(s.data + s.len - 5, 5), "(fwd)")) {
			s.len -= 5;
			*reply = true;
		} else {
			break;
		}
	}
	return s;
}

/* Steps 3 to 5: blobs go with the mark behind them; without one, as long as something is left. */
static struct slice cut_leaders(struct slice s, bool *reply)
{
	struct slice rest;

	for (;;) {
		s = rest = skip_wsp(s);
		while (take_blob(&rest))
			if (rest.len)
				s = rest;
		if (!take_refwd(&rest))
			return s;
		*reply = true;
		s = rest;
	}
}

struct slice base_subject(struct slice s, bool *ret_reply)
{
	static const char forwarded[] = "[fwd:";
	const size_t len = sizeof(forwarded) - 1;

	*ret_reply = false;
	for (;;) {
		s = cut_leaders(cut_trailers(s, ret_reply), ret_reply);
		if (!slice_istarts(s, forwarded) || s.data[s.len - 1] != ']')
			return s;
		s = slice_of(s.data + len, s.len - len - 1); /* step 6 */
		*ret_reply = true;
	}
}
