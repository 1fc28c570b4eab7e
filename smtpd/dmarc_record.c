/*
 * DMARC records (dmarc_record.h).
 *
 *   dmarc-record  = dmarc-version *(dmarc-sep dmarc-tag) [dmarc-sep]
 *   dmarc-tag     = 1*ALPHA equals 1*dmarc-value
 *   dmarc-version = "v" equals %s"DMARC1"		; the value is case-sensitive
 */
#include "dmarc_record.h"

enum tag { TAG_P, TAG_SP, TAG_NP, TAG_ADKIM, TAG_ASPF, TAG_PSD, TAG_T, TAG_RUA, TAG_RUF, TAG_COUNT };

static const char *const names[TAG_COUNT] = { "p", "sp", "np", "adkim", "aspf", "psd", "t", "rua", "ruf" };

const char *dmarc_policy_name(enum dmarc_policy policy)
{
	switch (policy) {
	case DMARC_QUARANTINE:
		return "quarantine";
	case DMARC_REJECT:
		return "reject";
	default:
		return "none";
	}
}

/* One tag, blanks trimmed; false when it has no "=" or a byte that may not be there. */
static bool read_tag(struct slice *rest, struct slice *ret_name, struct slice *ret_value)
{
	struct slice spec;
	ptrdiff_t equals;

	if (!slice_cut(rest, ';', &spec))
		return false;
	*ret_name = *ret_value = SLICE("");
	equals = slice_chr(spec, '=');
	if (equals < 0)
		return true;
	*ret_name = slice_trim(slice_first(spec, (size_t)equals));
	*ret_value = slice_trim(slice_from(spec, (size_t)equals + 1));
	for (size_t i = 0; i < ret_value->len; i++) {
		if (ret_value->data[i] < ' ' || ret_value->data[i] > '~')
			*ret_name = SLICE("");
	}
	return true;
}

static bool is_version(struct slice name, struct slice value)
{
	return slice_is(name, "v") && slice_eq(value, SLICE("DMARC1"));
}

static enum dmarc_policy policy_of(struct slice value, bool *wrong)
{
	if (!value.data)
		return DMARC_UNSET;
	for (int policy = DMARC_NONE; policy <= DMARC_REJECT; policy++) {
		if (slice_is(value, dmarc_policy_name((enum dmarc_policy)policy)))
			return (enum dmarc_policy)policy;
	}
	*wrong = true;
	return DMARC_UNSET;
}

/* scheme ":" something; what a reporter makes of it is the reporter's. */
static bool is_uri(struct slice text)
{
	ptrdiff_t colon = slice_chr(text, ':');

	if (colon < 1 || (size_t)colon + 1 == text.len || (text.data[0] | 0x20) < 'a' ||
	    (text.data[0] | 0x20) > 'z')
		return false;
	for (ptrdiff_t i = 0; i < colon; i++) {
		uint8_t c = text.data[i];

		if (!((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && !(c >= '0' && c <= '9') && c != '+' &&
		    c != '-' && c != '.')
			return false;
	}
	return slice_chr(text, ' ') < 0;
}

static bool has_uri(struct slice list)
{
	struct slice one;

	while (slice_cut(&list, ',', &one)) {
		if (is_uri(slice_trim(one)))
			return true;
	}
	return false;
}

static void settle(const struct slice values[TAG_COUNT], struct dmarc_record *ret)
{
	bool wrong = false;

	ret->p = policy_of(values[TAG_P], &wrong);
	ret->sp = policy_of(values[TAG_SP], &wrong);
	ret->np = policy_of(values[TAG_NP], &wrong);
	ret->applies = true;
	if (!wrong && ret->p != DMARC_UNSET)
		return;
	ret->applies = has_uri(values[TAG_RUA]);
	ret->p = DMARC_NONE;
	ret->sp = ret->np = DMARC_UNSET;
}

bool dmarc_record_parse(struct slice text, struct dmarc_record *ret)
{
	struct slice values[TAG_COUNT] = { { NULL, 0 } };
	struct slice name, value;

	if (!read_tag(&text, &name, &value) || !is_version(name, value))
		return false;
	while (read_tag(&text, &name, &value)) {
		for (size_t i = 0; i < TAG_COUNT; i++) {
			if (slice_is(name, names[i]) && !values[i].data)
				values[i] = value;
		}
	}
	*ret = (struct dmarc_record){
		.strict_dkim = slice_is(values[TAG_ADKIM], "s"),
		.strict_spf = slice_is(values[TAG_ASPF], "s"),
		.testing = slice_is(values[TAG_T], "y"),
		.rua = values[TAG_RUA],
		.ruf = values[TAG_RUF],
	};
	if (slice_is(values[TAG_PSD], "y"))
		ret->psd = DMARC_PSD_YES;
	else if (slice_is(values[TAG_PSD], "n"))
		ret->psd = DMARC_PSD_NO;
	settle(values, ret);
	return true;
}
