/* Names of mailboxes to be made (folder_args.h). */
#include "folder_args.h"

const char *folder_without_end(struct arena *arena, const char *path)
{
	size_t len = strlen(path);

	if (len > 1 && path[len - 1] == FOLDER_SEPARATOR)
		len--;
	return arena_strz(arena, slice_of(path, len));
}

bool folder_name_is_good(struct imap_cmd *cmd, const char **path)
{
	struct why why;
	enum fault fault = folder_path_check(slice_str(*path), cmd->arena, path, &why);

	if (fault)
		imap_no_code(cmd, "[CANNOT]", arena_printf(cmd->arena, "Not a possible name: %s", why.text));
	return !fault;
}
