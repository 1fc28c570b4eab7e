/* Finding parts in the tree (mime.h). */
#include "mail/mime.h"

static const struct mime_part *nth_child(const struct mime_part *part, uint32_t n)
{
	const struct mime_part *child = part->children;

	while (child && --n > 0)
		child = child->next;
	return child;
}

/* What a number counts in: a message part stands for the message inside it. */
static const struct mime_part *step(const struct mime_part *part, uint32_t n)
{
	if (n == 0)
		return NULL;
	if (part->kind == MIME_MULTIPART)
		return nth_child(part, n);
	if (part->kind != MIME_MESSAGE)
		return NULL;
	part = part->children;
	if (part->kind == MIME_MULTIPART)
		return nth_child(part, n);
	return n == 1 ? part : NULL;
}

const struct mime_part *mime_section(const struct mime *mime, const uint32_t *numbers, uint32_t n)
{
	const struct mime_part *part = mime->root;

	for (uint32_t i = 0; i < n && part; i++) {
		/* every message is 1 of itself unless it is a multipart */
		if (i == 0 && part->kind != MIME_MULTIPART)
			part = numbers[0] == 1 ? part : NULL;
		else
			part = step(part, numbers[i]);
	}
	return part;
}

const struct mime_part *mime_next(const struct mime_part *part)
{
	if (part->children)
		return part->children;
	while (part && !part->next)
		part = part->parent;
	return part ? part->next : NULL;
}

bool mime_is(const struct mime_part *part, const char *type, const char *subtype)
{
	return slice_is(part->type, type) && (!subtype || slice_is(part->subtype, subtype));
}

struct slice mime_body(const struct mime_part *part, struct slice message)
{
	return slice_first(slice_from(message, part->body), part->body_len);
}

struct slice mime_filename(const struct mime_part *part)
{
	struct slice name = content_value(&part->disposition_params, "filename");

	return name.len ? name : content_value(&part->params, "name");
}
