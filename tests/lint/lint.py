#!/usr/bin/env python3
"""The rules of the tree that no compiler checks (README.md beside this file lists them).

    tests/lint/lint.py [--root DIR] [--only CHECK[,CHECK]] [PATH...]

One line a finding, "path:line: check: text"; findings that are only warnings say so. Every check of every
file it looks at is one case; the last line counts them. Exit status 1 when a case failed.
"""
import argparse
import concurrent.futures
import fnmatch
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

DAEMONS = ("smtpd", "imapd", "mta", "admin", "cli")
FUNCTION_WARN, FUNCTION_FAIL = 80, 150
FILE_WARN, FILE_FAIL = 600, 1000
README_LIMIT = 40
README_LIMITS = {"README.md": None, "imapd/README.md": 120}  # the map of the whole tree; a table of capabilities
CLANG_FORMAT = "clang-format-14"

# Which files may know which third-party library: header pattern -> file patterns ("*" crosses folders).
# A new library, or a new place for one, is a decision: it is taken here.
THIRD_PARTY = {
    "uv.h": ["shared/loop/*", "shared/dns/*"],
    "openssl/*": ["shared/loop/tls*", "shared/loop/conn*", "shared/auth/*", "shared/blob/s3_sign.c",
                  "shared/suite/domain.c", "mta/sign*", "cli/tls_make.c"],
    "gnutls/*": ["admin/certificate*"],
    "expat.h": ["shared/blob/s3_xml.c"],
    "libpsl.h": ["smtpd/suffixes.c"],
    "arpa/nameser.h": ["smtpd/check_spf.c"],
    "sodium.h": ["shared/base/rand.c", "shared/base/secret.c", "shared/base/map.c", "shared/base/base64.c",
                 "shared/crypt/*", "shared/auth/*"],
    "zstd.h": ["shared/crypt/*"],
    "zlib.h": ["shared/loop/deflate.c"],
    "confuse.h": ["shared/base/conf.c"],
    "jansson.h": ["shared/base/log.c", "shared/bus/*", "shared/auth/jwk.c", "shared/auth/bearer.c",
                  "shared/suite/*", "mta/report*", "mta/tlsrpt*", "admin/*",
                  "cli/*"],
    "unbound.h": ["shared/dns/*"],
    "unicode/*": ["shared/mail/*", "shared/auth/prepare.c"],
    "idn2.h": ["shared/mail/*"],
    "sqlite3.h": ["shared/store/sqlite/*"],
    "mongoc/*": ["shared/store/mongo/*", "shared/blob/blob_mongo.c"],
    "bson/*": ["shared/store/mongo/*", "shared/blob/blob_mongo.c"],
    "curl/*": ["shared/blob/s3_http.c", "shared/suite/fetch.c"],
    "amqp*.h": ["shared/bus/bus_amqp.c"],
    "rabbitmq-c/*": ["shared/bus/bus_amqp.c"],
    "microhttpd.h": ["shared/suite/*", "admin/*"],
    "dkim.h": ["smtpd/check_*", "mta/sign*"],
    "opendkim/*": ["smtpd/check_*", "mta/sign*"],
    "dmarc.h": ["smtpd/check_*"],
    "opendmarc/*": ["smtpd/check_*"],
    "spf2/*": ["smtpd/check_*"],
    "security/*": ["shared/auth/*"],
}

# ISO C, POSIX, and what Linux and glibc add.
SYSTEM = set("""
    aio argp arpa/inet assert complex cpio ctype dirent dlfcn errno error execinfo fcntl features fenv float fmtmsg fnmatch
    ftw getopt glob grp ifaddrs inttypes iso646 langinfo libgen limits locale malloc math monetary mqueue net/if netdb
    netinet/in netinet/ip netinet/tcp nl_types paths poll pthread pwd regex resolv sched search semaphore setjmp signal
    spawn stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string strings sysexits syslog
    termios tgmath threads time uchar unistd utime utmpx wchar wctype wordexp
""".split())
SYSTEM_FOLDERS = ("sys/", "linux/")


class Findings:
    def __init__(self):
        self.passed = self.failed = 0

    def case(self, check, path, problems):
        """One case: `problems` are (line or None, text, is_failure)."""
        for line, text, is_failure in problems:
            where = f"{path}:{line}" if line else path
            print(f"{where}: {check}: {'' if is_failure else 'warning: '}{text}")
        if any(is_failure for _, _, is_failure in problems):
            self.failed += 1
        else:
            self.passed += 1


def strip_c(text):
    """Blanks comments and the insides of strings; lines stay where they are."""
    token = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)

    def blank(match):
        found = match.group(0)
        if found[0] == "/":
            return re.sub(r"[^\n]", " ", found)
        return found[0] + " " * (len(found) - 2) + found[-1]

    return token.sub(blank, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


class Tree:
    def __init__(self, root):
        self.root = root
        self.files = sorted(self.list_files())
        self.texts = {}
        self.sees = {}
        for path in self.files:
            if os.path.basename(path) == "CMakeLists.txt":
                self.read_sees(path)

    def list_files(self):
        """What git tracks, and what it would with the next add; outside of git, everything."""
        git = subprocess.run(["git", "-C", self.root, "ls-files", "-z", "-co", "--exclude-standard"],
                             capture_output=True, check=False)
        if git.returncode == 0 and git.stdout:
            names = git.stdout.decode(errors="replace").split("\0")
            return [name for name in names if name and (self.root / name).is_file()]
        return [str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file()]

    def text(self, path):
        if path not in self.texts:
            data = (self.root / path).read_bytes()
            self.texts[path] = "" if b"\0" in data else data.decode("utf-8", errors="replace")
        return self.texts[path]

    def read_sees(self, path):
        text = re.sub(r"#[^\n]*", "", self.text(path))
        for call in re.finditer(r"posthouse_(?:library|daemon)\(\s*(\w+)([^)]*)\)", text):
            seen = re.search(r"\bSEES\b([\w\s]*?)(?=\b(?:PKG|LINK)\b|$)", call.group(2))
            self.sees[os.path.dirname(path)] = (call.group(1), seen.group(1).split() if seen else [])

    def module(self, path):
        """The folder with a SEES line that `path` is in."""
        folder = os.path.dirname(path)
        while folder and folder not in self.sees:
            folder = os.path.dirname(folder)
        return folder


def is_c(path):
    return path.endswith((".c", ".h"))


def is_test(path):
    return path.startswith("tests/")


def includes(text):
    for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', text, re.M):
        yield line_of(text, match.start()), match.group(1), match.group(2)


# Each check: (tree, path) -> None when it has nothing to say about such a file, else a list of problems.

def check_direction(tree, path):
    """A library includes what its SEES line names, and no daemon another."""
    if not is_c(path):
        return None
    if is_test(path):
        own = path.split("/")[1]
        return None if own not in DAEMONS else [
            (line, f"the tests of {own} include {name}, another daemon's", True)
            for line, kind, name in includes(tree.text(path))
            if kind == '"' and name.split("/")[0] in DAEMONS and name.split("/")[0] != own]
    module = tree.module(path)
    if not module:
        return [(None, "stands in no folder that has a posthouse_library() or posthouse_daemon()", True)]
    library, seen = tree.sees[module]
    problems = []
    for line, kind, name in includes(tree.text(path)):
        if kind != '"':
            continue
        first = name.split("/")[0]
        here = (tree.root / path).parent / name
        if here.is_file() or (tree.root / module / name).is_file():
            continue  # a neighbour
        if first in DAEMONS and first != library:
            problems.append((line, f'"{name}" is of another daemon', True))
        elif first not in [library, *seen]:
            problems.append((line, f'"{name}": {library} sees only {", ".join(seen) or "itself"}', True))
    return problems


def check_third_party(tree, path):
    """A third-party library is known to the few files of THIRD_PARTY."""
    if not is_c(path) or is_test(path):
        return None
    problems = []
    for line, kind, name in includes(tree.text(path)):
        if kind != "<" or name.startswith(SYSTEM_FOLDERS) or name.removesuffix(".h") in SYSTEM:
            continue
        places = [p for header, files in THIRD_PARTY.items() if fnmatch.fnmatchcase(name, header) for p in files]
        if not places:
            problems.append((line, f"<{name}> is of no library that lint knows: name it in THIRD_PARTY", True))
        elif not any(fnmatch.fnmatchcase(path, place) for place in places):
            problems.append((line, f"<{name}> belongs to {', '.join(places)}", True))
    return problems


def banned_functions(tree):
    text = tree.text("shared/base/banned.h") if "shared/base/banned.h" in tree.files else ""
    return " ".join(re.findall(r'"([^"]*)"', text)).split()


def check_banned(tree, path):
    """No call of a function that shared/base/banned.h lists."""
    names = banned_functions(tree)
    if not is_c(path) or not names:
        return None
    text = strip_c(tree.text(path))
    call = re.compile(r"(?<![\w.])(?<!->)(" + "|".join(names) + r")\s*\(")
    return [(line_of(text, match.start()), f"{match.group(1)}() is banned", True) for match in call.finditer(text)]


def check_head(tree, path):
    """A file says at its head what it is."""
    if not is_c(path):
        return None
    text = tree.text(path).lstrip()
    if path.endswith(".h"):
        text = re.sub(r"^#(?:ifndef \w+\s*#\s*define \w+|pragma once)\s*(?:#include[^\n]*\n\s*)*", "", text)
    return [] if text.startswith("/*") else [(1, "no comment at its head says what it is", True)]


def check_format(tree, path):
    """As clang-format-14 writes it."""
    if not is_c(path) or not (tree.root / ".clang-format").is_file():
        return None
    if not shutil.which(CLANG_FORMAT):
        return [(None, f"{CLANG_FORMAT} is not installed", True)]
    run = subprocess.run([CLANG_FORMAT, "--dry-run", "-Werror", path], cwd=tree.root, capture_output=True, text=True,
                         check=False)
    if run.returncode == 0:
        return []
    first = re.search(r":(\d+):\d+: error", run.stderr)
    count = run.stderr.count(": error:")
    return [(first and first.group(1), f"{count} places are not as {CLANG_FORMAT} -i writes them", True)]


MACHINE_PATHS = re.compile(r"(?<![\w.}/*-])/(?:" + "|".join(("work", "root", r"home/[\w.-]+")) + r")/")


def check_paths(tree, path):
    """No path of one machine."""
    text = tree.text(path)
    return [(line_of(text, match.start()), f"names a path of one machine: {match.group(0)}", True)
            for match in MACHINE_PATHS.finditer(text)]


def check_todo(tree, path):
    """What is in the tree is finished."""
    if not path.endswith((".c", ".h", ".py", ".sh", ".cmake", ".txt")):
        return None
    text = tree.text(path)
    return [(line_of(text, match.start()), f"{match.group(0)}: finish it or leave it out", True)
            for match in re.finditer(r"\b(?:TO" + r"DO|FIX" + r"ME)\b", text)]


def functions(text):
    """(line, name, lines) of each function, by the braces in column 0 that .clang-format sees to."""
    lines = strip_c(text).split("\n")
    opened = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            opened = number
        elif line.startswith("}") and opened:
            head = ""
            for before in reversed(lines[:opened - 1]):
                head = before + " " + head
                if before[:1] not in ("", " ", "\t"):
                    break
            name = re.search(r"(\w+)\s*\(", re.sub(r"\b(?:PRINTF_LIKE|__attribute__)\s*\(+[^)]*\)+", "", head))
            yield opened, name.group(1) if name else "?", number - opened + 1
            opened = None


def check_functions(tree, path):
    """Functions stay short."""
    if not is_c(path):
        return None
    return [(line, f"{name}() is {length} lines long", length > FUNCTION_FAIL)
            for line, name, length in functions(tree.text(path)) if length > FUNCTION_WARN]


def check_length(tree, path):
    """Files stay short."""
    if not path.endswith((".c", ".h", ".py")):
        return None
    length = tree.text(path).count("\n")
    return [] if length <= FILE_WARN else [(None, f"is {length} lines long", length > FILE_FAIL)]


def check_readme(tree, path):
    """A README is short; the folder of a source has one. (A case a folder, told at its first source.)"""
    if os.path.basename(path) == "README.md":
        limit = README_LIMITS.get(path, README_LIMIT)
        length = tree.text(path).count("\n")
        return [(None, f"is {length} lines long, more than {limit}", True)] if limit and length > limit else []
    folder = os.path.dirname(path)
    sources = [name for name in tree.files if os.path.dirname(name) == folder and name.endswith((".c", ".h", ".py"))]
    if not sources or path != sources[0]:
        return None
    # the unit tests mirror the tree: what their folders hold is told where they mirror it from
    if is_test(path) and all(os.path.basename(name).startswith("test_") for name in sources if name.endswith(".c")) \
            and any(name.endswith(".c") for name in sources):
        return None
    return [] if f"{folder}/README.md".lstrip("/") in tree.files else [(None, f"{folder}/ has no README.md", True)]


def check_capabilities(tree, path):
    """Each capability that imapd advertises has a row in its README, which names tests that are there; and no other has."""
    if path != "imapd/capability.c":
        return None
    advertised = set()
    for define in re.findall(r"#define CAPABILITIES((?:.*\\\n)*.*)", tree.text(path)):
        for text in re.findall(r'"([^"]*)"', define):
            advertised |= {re.sub(r"=%ll[du]$", "", word) for word in text.split()}
    rows = re.findall(r"^\| `([^`]+)` \|[^|]*\|(.*)\|$", tree.text("imapd/README.md"), re.M)
    listed = {name for name, _ in rows}
    problems = [(None, f"{name} is in CAPABILITY and not in README.md's table", True) for name in sorted(advertised - listed)]
    problems += [(None, f"{name} is in README.md's table and not in CAPABILITY", True) for name in sorted(listed - advertised)]
    for name, tests in rows:
        named = re.findall(r"`([^`]+)`", tests)
        problems += [(None, f"{name}: there is no tests/{test}", True) for test in named if f"tests/{test}" not in tree.files]
        if not named:
            problems.append((None, f"{name} has no test", True))
    return problems


CHECKS = {
    "direction": check_direction,
    "third-party": check_third_party,
    "banned": check_banned,
    "head": check_head,
    "format": check_format,
    "paths": check_paths,
    "todo": check_todo,
    "function-length": check_functions,
    "file-length": check_length,
    "readme": check_readme,
    "capabilities": check_capabilities,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2])
    parser.add_argument("--only", help="checks to run, of: " + ", ".join(CHECKS))
    parser.add_argument("path", nargs="*", help="files and folders to look at, from the root; all without")
    args = parser.parse_args()
    names = args.only.split(",") if args.only else list(CHECKS)
    unknown = [name for name in names if name not in CHECKS]
    if unknown:
        parser.error(f"no such check: {', '.join(unknown)}")
    tree = Tree(args.root.resolve())
    wanted = [path.strip("/") for path in args.path]
    paths = [path for path in tree.files
             if not wanted or any(path == want or path.startswith(want + "/") for want in wanted)]
    cases = [(name, path) for name in names for path in paths]
    findings = Findings()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda case: CHECKS[case[0]](tree, case[1]), cases)
        for (name, path), problems in zip(cases, results):
            if problems is not None:
                findings.case(name, path, problems)
    print(f"{findings.passed} passed, {findings.failed} failed")
    return 1 if findings.failed else 0


if __name__ == "__main__":
    sys.exit(main())
