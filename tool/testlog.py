"""One line of TESTLOG.csv: date, commit, rig, seeds, trials, failures. The file is the public figure."""
import csv
import datetime
import os
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COLUMNS = ["date", "commit", "rig", "seeds", "trials", "failures"]


def append(rig, seeds, trials, failures):
    path = os.path.join(ROOT, "TESTLOG.csv")
    is_new = not os.path.exists(path)
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, text=True,
                            capture_output=True, check=False).stdout.strip()
    today = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
    with open(path, "a", newline="", encoding="utf-8") as f:
        rows = csv.writer(f, lineterminator="\n")
        if is_new:
            rows.writerow(COLUMNS)
        rows.writerow([today, commit, rig, seeds, trials, failures])
