#!/usr/bin/env python3
"""The shared measure cases against the real command (TAP). usage: run_measure.py [ID]...

Each case is imported into a data directory of its own and asked through `tenure query`. What must
hold is what a case's `expected` names: members that it does not name are free, lists align by
position, numbers agree within a millionth. Skipped as a whole where the shared cases are not beside
the project.
"""
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CASES = os.path.join(ROOT, "..", "shared", "cases", "measure.json")
TENURE = os.environ.get("TENURE", os.path.join(ROOT, "build", "tenure"))
WRONG_QUESTION = 2


class Mismatch(Exception):
    pass


# --- comparing -------------------------------------------------------------------------------

def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def hold(expected, actual, at):
    """Raises where `actual` does not hold everything that `expected` names."""
    if isinstance(expected, dict):
        if not isinstance(actual, dict):
            raise Mismatch(f"{at} is {actual!r}, not an object")
        for name, value in expected.items():
            if name not in actual:
                raise Mismatch(f"{at}/{name} is missing")
            hold(value, actual[name], f"{at}/{name}")
    elif isinstance(expected, list):
        if not isinstance(actual, list) or len(actual) != len(expected):
            raise Mismatch(f"{at} is {actual!r}, expected {expected!r}")
        for n, value in enumerate(expected):
            hold(value, actual[n], f"{at}/{n}")
    elif is_number(expected) and is_number(actual):
        if abs(expected - actual) > 1e-6 * max(1, abs(expected)):
            raise Mismatch(f"{at} is {actual!r}, expected {expected!r}")
    elif expected != actual:
        raise Mismatch(f"{at} is {actual!r}, expected {expected!r}")


def by_start(rows, start, at):
    for row in rows:
        if row["start"].startswith(start):
            return row
    raise Mismatch(f"{at}: none starts at {start}")


def group_of(groups, value, at):
    """The group with these breakdown values; a missing value is null in answers and "" in cases."""
    for group in groups:
        if ["" if v is None else str(v) for v in group["value"]] == value:
            return group
    raise Mismatch(f"{at}: no group {value} among {[g['value'] for g in groups]}")


# --- one comparison for each member a case may expect -----------------------------------------

def check_funnel_groups(case, groups):
    for expected in groups:
        # A group that nobody completes may be left out.
        if expected.get("last") == {"count": 0} and not any(
                ["" if v is None else str(v) for v in g["value"]] == expected["value"]
                for g in case.answer["groups"]):
            continue
        group = group_of(case.answer["groups"], expected["value"], "groups")
        at = f"groups {expected['value']}"
        if "steps" in expected:
            hold(expected["steps"], group["steps"], f"{at} steps")
        if "last" in expected:
            hold(expected["last"], group["steps"][-1], f"{at} last step")
        if "rates" in expected:
            hold(expected["rates"], [round(b["rate"] or 0, 4) for b in group["buckets"]], f"{at} rates")


def check_people(case, people):
    for step, ids in people.items():
        listed = case.ask({**case.question, "people_of": {"step": int(step)}})["people"]
        hold(sorted(ids), sorted(p["id"] for p in listed), f"people of step {step}")


def check_all_zero(case, _):
    hold([0] * len(case.answer["steps"]), [s["count"] for s in case.answer["steps"]], "steps")


def check_bucket(case, expected):
    row = by_start(case.answer["buckets"], expected["start"], "buckets")
    hold({k: v for k, v in expected.items() if k != "start"}, row, f"bucket {expected['start']}")


def check_cohorts(case, cohorts):
    actual = case.answer["cohorts"]
    if len(actual) != len(cohorts):
        raise Mismatch(f"{len(actual)} cohorts, expected {len(cohorts)}")
    for n, (expected, row) in enumerate(zip(cohorts, actual)):
        if "start" in expected and not row["start"].startswith(expected["start"]):
            raise Mismatch(f"cohort {n} starts at {row['start']}, expected {expected['start']}")
        hold({k: v for k, v in expected.items() if k != "start"}, row, f"cohort {n}")


def check_retention_groups(case, groups):
    for value, expected in groups.items():
        group = group_of(case.answer["groups"], [value], "groups")
        rows = [[n for n in c["counts"] if n is not None] for c in group["cohorts"]]
        hold(expected["matrix"], rows, f"group {value}")


def check_counts_at(case, expected):
    actual = {str(k): n for k, n in enumerate(case.answer["counts"], 1) if n}
    if actual != expected:
        raise Mismatch(f"counts {actual}, expected {expected}")


def check_edges(case, edges):
    def plain(rows):
        return sorted([e["from"], e["to"], e["count"]] for e in rows)
    hold(plain(edges), plain(case.answer["edges"]), "edges")


def series_of(case, rows):
    """The formula's series where there is one, else the first."""
    formula = case.question.get("formula")
    if formula is None:
        return rows[0]
    named = [s for s in rows if s["name"] == formula]
    return named[0] if named else rows[-1]


def member(name):
    return lambda case, expected: hold(expected, case.answer[name], name)


CHECKS = {
    "funnel": {
        "steps": member("steps"),
        "buckets": member("buckets"),
        "bars": member("bars"),
        "average_seconds": lambda c, v: hold(round(v, 2), round(c.answer["average_seconds"], 2), "average_seconds"),
        "first": lambda c, v: hold(v, c.answer["steps"][0], "first step"),
        "last": lambda c, v: hold(v, c.answer["steps"][-1], "last step"),
        "at": lambda c, v: [hold(s, c.answer["steps"][int(k) - 1], f"step {k}") for k, s in v.items()],
        "n_buckets": lambda c, v: hold(v, len(c.answer["buckets"]), "number of buckets"),
        "bucket": check_bucket,
        "groups": check_funnel_groups,
        "people": check_people,
        "all_zero": check_all_zero,
    },
    "retention": {
        "cohorts": check_cohorts,
        "groups": check_retention_groups,
        "first_row": lambda c, v: hold(v, c.answer["cohorts"][0]["counts"][:len(v)], "first row"),
    },
    "trends": {
        "values": lambda c, v: hold(v, series_of(c, c.answer["series"])["values"], "values"),
        # A formula's total is left open: cases give the sum, which a ratio does not have.
        "total": lambda c, v: "formula" in c.question or hold(v, series_of(c, c.answer["series"])["total"], "total"),
        "previous": lambda c, v: hold(v, series_of(c, c.answer["previous"])["values"], "previous"),
        "n_series": lambda c, v: hold(v, len(c.answer["series"]), "number of series"),
    },
    "lifecycle": {name: member(name) for name in ("new", "returning", "resurrecting", "dormant")},
    "stickiness": {"counts_at": check_counts_at},
    "paths": {"edges": check_edges},
}


# --- asking ----------------------------------------------------------------------------------

def records(case):
    """The lines to import: identities, when persons came to be, traits, then the events."""
    for person, aliases in case.get("aliases", {}).items():
        if aliases:
            yield {"person": person, "merge": aliases}
    for unit, created in case.get("created", {}).items():
        yield {"account" if unit.startswith("org:") else "person": unit, "traits": {}, "created": created}
    for person, traits in case.get("traits", {}).items():
        yield {"person": person, "traits": traits}
    for n, event in enumerate(case["events"]):
        yield {"id": f"event-{n}", **event}


class Case:
    def __init__(self, spec, folder):
        self.question, self.expected = spec["query"], spec["expected"]
        self.data = os.path.join(folder, "data")
        lines = os.path.join(folder, "case.jsonl")
        with open(lines, "w", encoding="utf-8") as f:
            f.writelines(json.dumps(r, ensure_ascii=False) + "\n" for r in records(spec))
        done = self.tenure("import", "--format", "events", lines)
        if done.returncode:
            raise Mismatch(f"import ended with {done.returncode}: {done.stderr.strip()[-300:]}")
        self.answer = None

    def tenure(self, command, *args):
        return subprocess.run([TENURE, command, "--data", self.data, "--project", "cases", *args],
                              text=True, capture_output=True, timeout=60, check=False)

    def ask(self, question):
        done = self.tenure("query", "--json", json.dumps(question))
        if done.returncode:
            raise Mismatch(f"query ended with {done.returncode}: {done.stderr.strip()[-300:]}")
        return json.loads(done.stdout)

    def check(self):
        if self.expected.get("error"):
            code = self.tenure("query", "--json", json.dumps(self.question)).returncode
            if code != WRONG_QUESTION:
                raise Mismatch(f"a wrong question ended with {code}, expected {WRONG_QUESTION}")
            return
        self.answer = self.ask(self.question)
        checks = CHECKS[self.question["insight"]]
        for name, expected in self.expected.items():
            checks[name](self, expected)


def problem_of(spec):
    """What does not hold, or None."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            Case(spec, folder).check()
        except Mismatch as error:
            return str(error)
        except (KeyError, IndexError, TypeError, ValueError, subprocess.TimeoutExpired) as error:
            return f"{type(error).__name__}: {error}"
    return None


def main():
    if not os.path.exists(CASES):
        print("1..0 # SKIP the shared cases are not beside the project")
        sys.exit(77)
    with open(CASES, encoding="utf-8") as f:
        specs = json.load(f)["cases"]
    wanted = sys.argv[1:]
    specs = [s for s in specs if not wanted or s["id"] in wanted]
    failed = 0
    print(f"1..{len(specs)}")
    for n, spec in enumerate(specs, 1):
        problem = problem_of(spec)
        failed += problem is not None
        print(f"{'not ok' if problem else 'ok'} {n} - {spec['id']}", flush=True)
        if problem:
            print(f"#   {problem}")
    sys.exit(1 if failed else 0)


main()
