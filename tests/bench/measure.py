"""What a set of processes costs: CPU seconds and memory, from /proc; and numbers of several runs as one."""

import os
import pathlib
import statistics

TICK = os.sysconf("SC_CLK_TCK")


def stat(pid):
    """The fields of /proc/PID/stat after the name, or None when it has gone."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None


def family(roots):
    """The processes `roots` and all that come from them."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            fields = stat(entry)
            if fields:
                children.setdefault(int(fields[1]), []).append(int(entry))
    found, todo = [], list(roots)
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


def cpu_seconds(roots):
    """User and system time of a family; what has ended is in the time of the parent that waited for it."""
    total = 0
    for pid in family(roots):
        fields = stat(pid)
        if fields:
            total += sum(int(field) for field in fields[11:15])
    return total / TICK


def memory(roots):
    """Proportional set size in bytes: shared pages are counted once between all who have them."""
    total = 0
    for pid in family(roots):
        try:
            for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
        except OSError:
            continue
    return total


def summary(values):
    """Median, and how far the runs lie apart."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "runs": values}
