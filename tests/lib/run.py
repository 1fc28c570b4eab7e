"""The test runner behind tests/run: installs, builds, runs parts, counts."""

import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
VENV = BUILD / "venv"
PYTHON = VENV / "bin" / "python"
LOGS = BUILD / "test-logs"
CORES = os.cpu_count() or 2
STACKS = ["embedded", "cluster"]

# Shared by every sanitizer run: a finding is a failure, and says where.
SANITIZER_ENV = {
    "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:strict_string_checks=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": f"halt_on_error=1:second_deadlock_stack=1:suppressions={ROOT}/tests/lib/threads.supp:print_suppressions=0",
    "LSAN_OPTIONS": f"suppressions={ROOT}/tests/lib/leaks.supp:print_suppressions=0",
}

# Programs whose subject is threads, and those of imapd that have several sessions, workers and the bus at work together;
# the others would only be slower under TSan.
TSAN_TESTS = re.compile(r"(shared_loop_test_job|shared_base_test_(log|metrics|secret)|shared_auth_test_(cache|lockout)"
                        r"|shared_store_test_|bus_contract|store_contract"
                        r"|imapd_test_(append|authenticate|compress|fetch_bodies|folder_cache|hangup|limits|notify$|qresync|races"
                        r"|recent|search_old|session|store_calls|view_head))")


class Tally:
    """Counts test cases and remembers what failed."""

    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.failures = []

    def add(self, name, passed, failed):
        self.passed += passed
        self.failed += failed
        if failed:
            self.failures.append(name)


TALLY = Tally()
TELLING = threading.Lock()  # one result at a time, also of parts that run side by side


def say(text):
    print(f"\n== {text}", flush=True)


def shell(command, **kwargs):
    return subprocess.run(command, check=True, **kwargs)


# ---- what is needed --------------------------------------------------------------------------------------------


def packages(path, part=None):
    """Names in a package list; lines "part: name" only when that part is asked for."""
    names = []
    for line in path.read_text().splitlines():
        line = line.split("#")[0].strip()
        if ":" in line:
            label, name = (word.strip() for word in line.split(":"))
            if label == part:
                names.append(name)
        elif line and part is None:
            names.append(line)
    return names


def is_installed(name):
    got = subprocess.run(["dpkg-query", "-W", "-f=${Status}", name], capture_output=True, text=True)
    return got.stdout == "install ok installed"


def install(names):
    missing = [name for name in names if not is_installed(name)]
    if not missing:
        return
    say(f"installing {len(missing)} Debian packages")
    root = [] if os.getuid() == 0 else ["sudo"]
    env = ["env", "DEBIAN_FRONTEND=noninteractive"]
    shell(root + ["apt-get", "update", "-qq"])
    shell(root + env + ["apt-get", "install", "-y", "-qq", "--no-install-recommends"] + missing,
          stdout=subprocess.DEVNULL)


def make_venv():
    wanted = (ROOT / "tests" / "requirements.txt").read_text()
    stamp = VENV / "requirements.txt"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    say("installing Python packages")
    # Debian's own interpreter: it is the one that a fresh machine has
    system_python = "/usr/bin/python3" if pathlib.Path("/usr/bin/python3").exists() else sys.executable
    shell([system_python, "-m", "venv", "--clear", str(VENV)])
    shell([str(PYTHON), "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r",
           str(ROOT / "tests" / "requirements.txt")])
    stamp.write_text(wanted)


def prepare(part=None):
    install(packages(ROOT / "deploy" / "debian-packages") + packages(ROOT / "tests" / "debian-packages"))
    if part:
        install(packages(ROOT / "tests" / "debian-packages", part))
    make_venv()
    LOGS.mkdir(parents=True, exist_ok=True)


def build(preset):
    say(f"building {preset}")
    if not (BUILD / preset / "build.ninja").exists():
        shell(["cmake", "--preset", preset], stdout=subprocess.DEVNULL)
    shell(["ninja", "-C", str(BUILD / preset), "--quiet"])
    return BUILD / preset


# ---- running programs ------------------------------------------------------------------------------------------


def count_cmocka(output, code):
    """(passed, failed) of a cmocka program; a program that died counts as one failure more."""
    passed = sum(int(n) for n in re.findall(r"\[  PASSED  \] (\d+) test", output))
    failed = sum(int(n) for n in re.findall(r"\[  FAILED  \] .*?(\d+) test\(s\), listed below", output))
    if code != 0 and failed == 0:
        failed = 1
    if code == 0 and passed == 0:
        failed = 1  # ran nothing
    return passed, failed


def run_program(program, env=None, timeout=900, label=""):
    name = f"{label}{program.name}"
    log = LOGS / f"{name}.log"
    started = time.monotonic()
    with log.open("w") as out:
        try:
            code = subprocess.run([str(program)], stdout=out, stderr=subprocess.STDOUT, timeout=timeout,
                                  cwd=program.parent, env={**os.environ, **SANITIZER_ENV, **(env or {})}).returncode
        except subprocess.TimeoutExpired:
            out.write(f"\ntimed out after {timeout} s\n")
            code = 124
    passed, failed = count_cmocka(log.read_text(errors="replace"), code)
    return name, passed, failed, time.monotonic() - started, log


def telling(log):
    """The end of a log; without the leaks that a failed test leaves behind it, which would hide why it failed."""
    text = log.read_text(errors="replace")
    before, _, _ = text.partition("ERROR: LeakSanitizer")
    return (before if "[  FAILED  ]" in before else text).splitlines()[-40:]


def report(result):
    name, passed, failed, seconds, log = result
    mark = "ok  " if not failed else "FAIL"
    with TELLING:
        print(f"{mark} {name:<44} {passed:4} passed {failed:3} failed  {seconds:6.1f} s", flush=True)
        if failed:
            print("\n".join(f"     | {line}" for line in telling(log)), flush=True)
        TALLY.add(name, passed, failed)


def run_programs(programs, env=None, jobs=CORES, timeout=900, label=""):
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(run_program, program, env, timeout, label) for program in programs]
        for future in concurrent.futures.as_completed(futures):
            report(future.result())


def side_by_side(one, names):
    """What mostly waits, for disks and for time to pass: two at once."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(one, names))


def test_programs(preset):
    return sorted(p for p in (BUILD / preset / "tests").iterdir() if p.is_file() and os.access(p, os.X_OK))


def is_contract(program):
    return program.name.endswith("_contract")


def count_junit(path):
    """(passed, failed) of a pytest run; nothing when it did not get so far as to write its report."""
    if not path.exists():
        return 0, 0
    suites = xml.etree.ElementTree.parse(path).getroot().iter("testsuite")
    passed = failed = 0
    for suite in suites:
        bad = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        failed += bad
        passed += int(suite.get("tests", 0)) - bad - int(suite.get("skipped", 0))
    return passed, failed


def run_pytest(label, arguments, timeout):
    log = LOGS / f"{label}.log"
    junit = LOGS / f"{label}.xml"
    junit.unlink(missing_ok=True)
    started = time.monotonic()
    command = [str(PYTHON), "-m", "pytest", "-q", "--tb=short", f"--junitxml={junit}", "-p", "no:cacheprovider",
               *arguments]
    with log.open("w") as out:
        try:
            code = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, cwd=ROOT, timeout=timeout).returncode
        except subprocess.TimeoutExpired:
            out.write(f"\ntimed out after {timeout} s\n")
            code = 124
    passed, failed = count_junit(junit)
    if not failed and (code != 0 or not passed):
        failed = 1
    report((label, passed, failed, time.monotonic() - started, log))


# ---- the parts -------------------------------------------------------------------------------------------------


def part_lint(_):
    say("lint")
    got = subprocess.run([str(PYTHON), str(ROOT / "tests" / "lint" / "lint.py")], capture_output=True, text=True,
                         cwd=ROOT)
    print(got.stdout.rstrip())
    if got.stderr:
        print(got.stderr.rstrip())
    counts = re.search(r"(\d+) passed, (\d+) failed", got.stdout)
    failed = int(counts.group(2)) if counts else 1
    TALLY.add("lint", int(counts.group(1)) if counts else 0, failed or (1 if got.returncode else 0))


def part_unit(_):
    build("asan")
    say("unit and dialogue tests (ASan, UBSan)")
    run_programs([p for p in test_programs("asan") if not is_contract(p)],
                 env={"POSTHOUSE_TEST_PYTHON": str(PYTHON)})


CONTRACT_BACKENDS = {  # backend: (which suites, which service, what the suite is told); what takes longest comes first
    "mongo": ("store blob", "mongo"),
    "sqlite": ("store", None),
    "fs": ("blob", None),
    "local": ("bus", None),
    "s3": ("blob", "seaweedfs"),
    "amqp": ("bus", "rabbitmq"),
}


def part_contract(backends):
    sys.path.insert(0, str(ROOT / "tests" / "services"))
    import services  # it looks for its programs beside the interpreter that runs it

    build("asan")
    say("contracts (ASan, UBSan)")

    def one(backend):
        suites, service = CONTRACT_BACKENDS[backend]
        env = {"CONTRACT_BACKEND": backend, "POSTHOUSE_TEST_PYTHON": str(PYTHON)}
        programs = [BUILD / "asan" / "tests" / f"{suite}_contract" for suite in suites.split()]
        if service is None:
            run_programs(programs, env, jobs=1, label=f"{backend}-")
            return
        with tempfile.TemporaryDirectory(prefix="posthouse-contract-") as directory:
            with services.SERVICES[service](directory) as running:
                run_programs(programs, {**env, **running.env()}, jobs=1, label=f"{backend}-")

    side_by_side(one, backends or CONTRACT_BACKENDS)


def part_tsan(_):
    build("tsan")
    say("threads (TSan)")
    programs = [p for p in test_programs("tsan") if TSAN_TESTS.match(p.name)]
    run_programs(programs, env={"CONTRACT_RUNS": "30", "CONTRACT_BACKEND": ""}, label="tsan-")


def part_fuzz(arguments):
    folder = build("fuzz") / "fuzz"
    seconds = arguments[0] if arguments else "4"
    say(f"fuzz targets over the stored corpus, then {seconds} s each")

    def one(program):
        name = program.name.removeprefix("fuzz_")
        corpus = ROOT / "tests" / "corpus" / name
        grown = LOGS / "corpus" / name
        shutil.rmtree(grown, ignore_errors=True)
        grown.mkdir(parents=True)
        log = LOGS / f"{program.name}.log"
        command = [str(program), f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048", "-verbosity=0",
                   f"-artifact_prefix={LOGS}/{name}-", str(grown), str(corpus)]
        dictionaries = sorted(ROOT.glob(f"*/**/{name}.dict"))
        if dictionaries:
            command.insert(1, f"-dict={dictionaries[0]}")
        started = time.monotonic()
        with log.open("w") as out:
            code = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, cwd=LOGS,
                                  env={**os.environ, **SANITIZER_ENV}).returncode
        lost = not corpus.is_dir() or not any(corpus.iterdir())
        if lost:
            log.write_text(f"no corpus in tests/corpus/{name}\n")
        return program.name, int(code == 0 and not lost), int(code != 0 or lost), time.monotonic() - started, log

    with concurrent.futures.ThreadPoolExecutor(CORES) as pool:
        for result in pool.map(one, sorted(p for p in folder.iterdir() if p.name.startswith("fuzz_"))):
            report(result)


def part_system(stacks):
    build("release")
    say("system tests: " + ", ".join(stacks or STACKS))
    side_by_side(lambda stack: run_pytest(f"system-{stack}", ["tests/system", f"--stack={stack}"], timeout=3600), stacks or STACKS)


def part_clients(stacks):
    prepare("clients")
    build("release")
    for stack in stacks or STACKS:
        say(f"clients: {stack}")
        run_pytest(f"clients-{stack}", ["tests/clients", f"--stack={stack}"], timeout=2400)


def part_faults(stacks):
    build("release")
    for stack in stacks or STACKS:
        say(f"faults: {stack}, kill -9 under load, the broker and the store away (long)")
        run_pytest(f"faults-{stack}", ["tests/faults", f"--stack={stack}"], timeout=7200)


PARTS = {
    "lint": part_lint, "unit": part_unit, "contract": part_contract, "fuzz": part_fuzz, "tsan": part_tsan,
    "system": part_system, "clients": part_clients, "faults": part_faults,
}
CI_PARTS = ["lint", "unit", "contract", "fuzz", "tsan", "system"]


def main():
    parser = argparse.ArgumentParser(
        prog="tests/run", description="Builds and runs Posthouse's tests. Without arguments: all that CI runs, "
        f"which is {', '.join(CI_PARTS)}.")
    parser.add_argument("part", nargs="?", choices=sorted(PARTS), help="one part only")
    parser.add_argument("rest", nargs="*", help="what of the part: backends of contract, stacks of system, "
                        "clients and faults, seconds of fuzz")
    arguments = parser.parse_args()
    os.chdir(ROOT)
    prepare()
    if pathlib.Path(sys.executable) != PYTHON:
        os.execv(PYTHON, [str(PYTHON), *sys.argv])
    started = time.monotonic()
    for part in [arguments.part] if arguments.part else CI_PARTS:
        try:
            PARTS[part](arguments.rest)
        except subprocess.CalledProcessError as error:
            print(f"FAIL {part}: {' '.join(map(str, error.cmd))} exited with {error.returncode}", flush=True)
            TALLY.add(part, 0, 1)
    if TALLY.failures:
        print("\nfailed: " + ", ".join(TALLY.failures) + f"   (logs in {LOGS.relative_to(ROOT)})")
    print(f"\n{time.monotonic() - started:.0f} s\n{TALLY.passed} passed, {TALLY.failed} failed", flush=True)
    return 1 if TALLY.failed or not TALLY.passed else 0


if __name__ == "__main__":
    sys.exit(main())
