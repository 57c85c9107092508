#!/usr/bin/env python3
"""Real input (TAP): twenty-two years of a project's contributors, imported twice and asked.

157,653 events of 3,048 people from the shared data; the expected figures were computed apart from
Tenure. Skipped where the shared data is not beside the project.
"""
import json
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EVENTS = os.path.join(ROOT, "..", "shared", "data", "git_contributors", "events.csv.gz")
TENURE = os.environ.get("TENURE", os.path.join(ROOT, "build", "tenure"))
WHOLE = {"from": "2005-01-01", "to": "2026-12-31", "timezone": "UTC"}

COMMITTERS_2025 = {"insight": "trends", "from": "2025-01-01", "to": "2025-12-31", "timezone": "UTC",
                   "interval": "month", "series": [{"event": "commit", "math": "people"}]}
FUNNEL = {"insight": "funnel", **WHOLE, "window": "365d",
          "steps": [{"event": "commit"}, {"event": "reviewed"}, {"event": "acked"}]}
RETENTION = {"insight": "retention", **WHOLE, "interval": "year", "periods": 6,
             "cohort": "first_matching", "start": {"event": "commit"}, "return": {"event": "commit"}}


def tenure(data, *args):
    done = subprocess.run([TENURE, args[0], "--data", data, *args[1:]], text=True,
                          capture_output=True, timeout=120, check=False)
    if done.returncode:
        raise AssertionError(f"tenure {args[0]} ended with {done.returncode}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def take_in(data):
    return tenure(data, "import", EVENTS, "--format", "csv", "--json", "--time-format", "s",
                  "--map", "person=actor_id,event=event,time=ts")


def ask(data, question):
    return tenure(data, "query", "--json", json.dumps(question))


def cohort(answer, year):
    counts = next(c["counts"] for c in answer["cohorts"] if c["start"].startswith(year))
    return [n for n in counts if n is not None]


def cases(data):
    """(name, expected, actual) of each; asked in order, lazily."""
    first = take_in(data)
    yield "first import: new events", 157653, first["new"]
    yield "first import: people", 3048, first["people"]
    yield "first import: rejected lines", 0, first["rejected"]
    again = take_in(data)
    yield "second import: new events", 0, again["new"]
    yield "second import: already there", 157653, again["already_there"]
    trend = ask(data, COMMITTERS_2025)["series"][0]
    yield "committers by month", [40, 34, 49, 26, 44, 39, 41, 48, 29, 35, 38, 24], trend["values"]
    yield "committers of the year", 176, trend["total"]
    steps = ask(data, FUNNEL)["steps"]
    yield "funnel counts", [2341, 97, 40], [s["count"] for s in steps]
    yield "funnel seconds to the second step", 4703897.06, round(steps[1]["average_seconds"], 2)
    yield "funnel seconds to the third step", 8028187.75, round(steps[2]["average_seconds"], 2)
    answer = ask(data, RETENTION)
    yield "retention of 2015", [89, 12, 11, 6, 6, 7], cohort(answer, "2015")
    yield "retention of 2017", [97, 21, 15, 13, 9, 8], cohort(answer, "2017")
    yield "retention of 2025", 84, cohort(answer, "2025")[0]


def main():
    if not os.path.exists(EVENTS):
        print("1..0 # SKIP the shared data is not beside the project")
        sys.exit(77)
    count = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, expected, actual in cases(os.path.join(folder, "data")):
            count += 1
            failed += expected != actual
            print(f"{'ok' if expected == actual else 'not ok'} {count} - {name}")
            if expected != actual:
                print(f"#   {actual!r}, expected {expected!r}")
    print(f"1..{count}")
    sys.exit(1 if failed else 0)


main()
