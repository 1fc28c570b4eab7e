/* posthouse conf: the settings in effect. */
#include <stdio.h>

#include "base/buf.h"
#include "cli.h"

static int show(struct cli *cli)
{
	const struct conf_section sections[] = { { NULL, suite_conf_rows, &cli->suite } };
	struct buf out;

	buf_init(&out, BUF_NO_LIMIT);
	conf_print(sections, ARRAY_LEN(sections), &out);
	fwrite(out.data, 1, out.len, stdout);
	buf_done(&out);
	return 0;
}

static const struct cli_action actions[] = {
	{ NULL, "", "prints the global settings; those of a daemon: smtpd --print-conf, …", 0, 0, show },
	{ 0 },
};
const struct cli_verb verb_conf = { "conf", "the settings in effect", CLI_NO_STACK, actions };
