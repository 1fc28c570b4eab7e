#!/usr/bin/env python3
"""Breaks each rule of lint.py once, in a tree of a few files, and sees that it is found."""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

LINT = Path(__file__).resolve().with_name("lint.py")

CLEAN = {
    "README.md": "# all\n" * 100,
    ".clang-format": "BasedOnStyle: LLVM\nIndentWidth: 8\nUseTab: ForIndentation\nBreakBeforeBraces: Linux\nColumnLimit: 110\n",
    "shared/base/CMakeLists.txt": "posthouse_library(base PKG libsodium)\n",
    "shared/base/README.md": "# base\n",
    "shared/base/banned.h": '#ifndef B\n#define B\n/* Banned. */\n#define BANNED_FUNCTIONS "strcpy rand"\n#endif\n',
    "shared/base/rand.c": '/* Random. */\n#include "base/banned.h"\n\n#include <sodium.h>\n#include <sys/stat.h>\n',
    "shared/loop/CMakeLists.txt": "posthouse_library(loop SEES base PKG libuv)\n",
    "shared/loop/README.md": "# loop\n",
    "shared/loop/loop.c": '/* Loops. */\n#include "base/banned.h"\n#include "near.h"\n\n#include <uv.h>\n',
    "shared/loop/near.h": '#ifndef N\n#define N\n#include <stdint.h>\n/* Near. */\n#endif\n',
    "smtpd/CMakeLists.txt": "posthouse_daemon(smtpd SEES base loop)\n",
    "smtpd/README.md": "# smtpd\n",
    "smtpd/main.c": '/* Main. */\n#include "loop/near.h"\n',
    "imapd/CMakeLists.txt": "posthouse_daemon(imapd\n\tSEES base\n\tLINK m)\n",
    "imapd/README.md": "# imapd\n\n| `MOVE` | 6851 | `shared/base/test_rand.c` |\n",
    "imapd/main.h": "#ifndef M\n#define M\n/* Main. */\n#endif\n",
    "tests/shared/base/test_rand.c": "/* Tests. */\n#include <cmocka.h>\n",
}


def body(lines):
    return "/* Long. */\nint long_one(void)\n{\n" + "\ti++;\n" * lines + "\treturn 0;\n}\n"


# name: (file, its text, what lint says, whether that fails)
BROKEN = {
    "a library that is not seen": ("shared/base/x.c", '/* x */\n#include "loop/near.h"\n', "x.c:2: direction: ", 1),
    "seen by a neighbour only": ("imapd/x.c", '/* x */\n#include "loop/near.h"\n', "x.c:2: direction: ", 1),
    "another daemon": ("smtpd/x.c", '/* x */\n#include "imapd/main.h"\n', "direction: \"imapd/main.h\" is of", 1),
    "another daemon in a test": ("tests/smtpd/test_x.c", '/* x */\n#include "imapd/main.h"\n', "direction: ", 1),
    "a folder without CMakeLists": ("tools.c", "/* x */\n", "direction: stands in no folder", 1),
    "libuv in a daemon": ("smtpd/x.c", "/* x */\n#include <uv.h>\n", "x.c:2: third-party: ", 1),
    "libsodium elsewhere in base": ("shared/base/x.c", "/* x */\n#include <sodium.h>\n", "third-party: ", 1),
    "an unknown library": ("smtpd/x.c", "/* x */\n#include <event2/event.h>\n", "third-party: ", 1),
    "a banned call": ("smtpd/x.c", "/* x */\nint a = rand();\n", "x.c:2: banned: rand()", 1),
    "a banned name in a comment": ("smtpd/x.c", '/* strcpy(a) */\nchar *a = "rand()";\n', None, 0),
    "a member of a banned name": ("smtpd/x.c", "/* x */\nint a = b->rand(1) + c.rand(2) + my_rand(3);\n", None, 0),
    "no head": ("smtpd/x.c", "int x;\n", "x.c:1: head: ", 1),
    "no head in a header": ("smtpd/x.h", "#ifndef X\n#define X\nint x;\n#endif\n", "x.h:1: head: ", 1),
    "format": ("smtpd/x.c", "/* x */\nint  x;\n", "x.c:2: format: ", 1),
    "a path of one machine": ("smtpd/notes.md", "see /ho" "me/joe/mail\n", "notes.md:1: paths: ", 1),
    "a path that only looks so": ("smtpd/notes.md", "see net/wo" "rk/x and https://x/ro" "ot/y\n", None, 0),
    "unfinished": ("smtpd/x.c", "/* x */\n/* TO" "DO: all */\n", "x.c:2: todo: ", 1),
    "a long function": ("smtpd/x.c", body(90), "x.c:3: function-length: warning: long_one() is 93", 0),
    "a far too long function": ("smtpd/x.c", body(160), "function-length: long_one() is 163", 1),
    "a long file": ("smtpd/x.c", "/* x */\n" + "int x;\n" * 600, "x.c: file-length: warning: ", 0),
    "a far too long file": ("smtpd/x.c", "/* x */\n" + "int x;\n" * 1000, "x.c: file-length: is 1001", 1),
    "a capability without a row": ("imapd/capability.c", '/* x */\n#define CAPABILITIES "MOVE IDLE"\n',
                                   "capabilities: IDLE is in CAPABILITY", 1),
    "a capability with a row": ("imapd/capability.c", '/* x */\n#define CAPABILITIES "MOVE"\n', None, 0),
    "no README": ("shared/loop/deep/x.c", "/* x */\n", "readme: shared/loop/deep/ has no README.md", 1),
    "a long README": ("smtpd/README.md", "# x\n" * 41, "smtpd/README.md: readme: ", 1),
}


def lint(files, *arguments):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        run = subprocess.run([sys.executable, LINT, "--root", folder, *arguments], capture_output=True, text=True,
                             check=False)
        return run.returncode, run.stdout


class Lint(unittest.TestCase):
    def test_a_clean_tree_passes(self):
        status, output = lint(CLEAN)
        self.assertRegex(output, r"^\d+ passed, 0 failed\n$")
        self.assertEqual(status, 0)

    def test_each_rule_is_seen_broken(self):
        for name, (path, text, says, status) in BROKEN.items():
            with self.subTest(name):
                got, output = lint({**CLEAN, path: text})
                self.assertEqual(got, status, output)
                self.assertRegex(output.splitlines()[-1], rf"^\d+ passed, {status} failed$")
                self.assertEqual(len(output.splitlines()), 2 if says else 1, output)
                self.assertIn(says or "", output)

    def test_checks_and_folders_can_be_chosen(self):
        files = {**CLEAN, "smtpd/x.c": "int  x;\n"}
        self.assertEqual(lint(files, "--only", "banned,paths")[0], 0)
        self.assertEqual(lint(files, "shared", "imapd/")[0], 0)
        self.assertEqual(lint(files, "smtpd")[0], 1)
        self.assertEqual(lint(files, "--only", "nosuch")[0], 2)


if __name__ == "__main__":
    unittest.main()
