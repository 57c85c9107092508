"""One line of TESTLOG.csv: date, commit, rig, seeds, trials, failures. The file is the public figure."""
import csv
import datetime
import os
import subprocess
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PATH = os.path.join(ROOT, "TESTLOG.csv")
COLUMNS = ["date", "commit", "rig", "seeds", "trials", "failures"]
LOCK = threading.Lock()


def commit_now():
    """The commit that is tried; a change that is not committed (but for the log, and the page made
    of it) makes it dirty."""
    def git(*words):
        return subprocess.run(["git", *words], cwd=ROOT, text=True, capture_output=True,
                              check=False).stdout
    changed = [line for line in git("status", "--porcelain", "--untracked-files=no").split("\n")
               if line and not line.endswith((" TESTLOG.csv", " docs/promises.md"))]
    return git("rev-parse", "--short=10", "HEAD").strip() + ("-dirty" if changed else "")


def append(rig, seeds, trials, failures, commit=None):
    today = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
    with LOCK:
        is_new = not os.path.exists(PATH)
        with open(PATH, "a", newline="", encoding="utf-8") as f:
            rows = csv.writer(f, lineterminator="\n")
            if is_new:
                rows.writerow(COLUMNS)
            rows.writerow([today, commit or commit_now(), rig, seeds, trials, failures])


def read():
    """All lines as dictionaries, oldest first; numbers are numbers."""
    if not os.path.exists(PATH):
        return []
    with open(PATH, newline="", encoding="utf-8") as f:
        rows = list(csv.DictReader(f))
    for row in rows:
        row["trials"], row["failures"] = int(row["trials"]), int(row["failures"])
    return rows
