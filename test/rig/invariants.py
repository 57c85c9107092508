#!/usr/bin/env python3
"""What must hold between answers, whatever the numbers are; the real command, events and merges.

usage: invariants.py [--trials N] [--seed S]

A trial is one of:
  people  a number of people is as long as the list behind it, page by page
  filter  a filter more never raises a count
  parts   the events that pass a condition and those that do not are all events
  merge   merging people never raises a unique count
  states  lifecycle: new + returning + resurrecting = active, and what active grows by
Worlds are those of peers.py; merges come last, after all other trials of the world.
"""
import argparse
import copy
import json
import os
import random
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import peers  # noqa: E402
import peers_sql  # noqa: E402

TRIALS_A_WORLD, FAILURES_SHOWN = 150, 10
UNIQUES = ("people", "accounts", "weekly_active", "monthly_active", "distinct")


class Broken(Exception):
    pass


def must(holds, what):
    if not holds:
        raise Broken(what)


# --- people ----------------------------------------------------------------------------------

def listed(tenure, question, coordinates):
    """(total, how many are listed over all pages, how many of them differ)."""
    ids, cursor, total = [], None, None
    while True:
        of = {**coordinates, "page": 7, **({"cursor": cursor} if cursor else {})}
        answer = tenure.ask({**question, "people_of": of})
        must(total in (None, answer["total"]), f"total changes from page to page: {of}")
        total = answer["total"]
        ids += [p["id"] for p in answer["people"]]
        cursor = answer.get("cursor")
        if not cursor:
            return total, len(ids), len(set(ids))


def numbers(q, answer):
    """(number, coordinates) of everything people stand behind."""
    if isinstance(q, peers_sql.Trends):
        if q.math not in ("people", "first_time", "weekly_active", "monthly_active"):
            return
        for s in answer["series"]:
            where = {"series": 0, **({"breakdown": s["breakdown"]} if "breakdown" in s else {})}
            yield s["total"], where
            for label, n in zip(answer["intervals"], s["values"]):
                yield n, {**where, "interval": label}
        return
    parts = [(None, answer)] + [(g["value"], g) for g in answer.get("groups", [])]
    for value, part in parts:
        by = {"breakdown": value} if value else {}
        if isinstance(q, peers_sql.Funnel):
            for k, step in enumerate(part["steps"], 1):
                yield step["count"], {"step": k, **by}
                if k > 1:
                    yield part["steps"][k - 2]["count"] - step["count"], {"step": k, "dropped": True, **by}
        elif isinstance(q, peers_sql.Retention):
            for row in part["cohorts"]:
                is_to_come = row["counts"][0] is None and row["size"] == 0
                must(is_to_come or row["counts"][0] == row["size"], f"cell 0 is not the size: {row}")
                for k, n in enumerate(row["counts"]):
                    if n is not None:
                        yield n, {"cohort": row["start"], "period": k, **by}
        elif isinstance(q, peers_sql.Lifecycle):
            for state in ("new", "returning", "resurrecting", "dormant", "active"):
                for label, n in zip(answer["intervals"], part[state]):
                    if n is not None:
                        yield abs(n), {"interval": label, "state": state, **by}
        elif isinstance(q, peers_sql.Stickiness):
            for k, n in enumerate(part["counts"], 1):
                if n is not None:
                    yield n, {"intervals": k, **by}
        elif isinstance(q, peers_sql.Paths) and q.counts == "people":
            for e in part["edges"]:
                yield e["count"], {"from": e["from"], "to": e["to"], **by}


def people(tenure, rng, q):
    found = list(numbers(q, tenure.ask(q.json)))
    for n, where in rng.sample(found, min(3, len(found))):
        total, count, different = listed(tenure, q.json, where)
        must(total == count == different == n, f"{where}: {n}, but {total} in all, {count} listed, "
             f"{different} of them different")


# --- filters and merges ----------------------------------------------------------------------

def counts(q, answer, is_merge):
    """Numbers by place that may only fall."""
    out = {}
    if isinstance(q, peers_sql.Trends):
        allowed = UNIQUES if is_merge else UNIQUES + ("events",)
        for s in answer["series"] if q.math in allowed else []:
            place = tuple(s.get("breakdown", []))
            out[place, "total"] = s["total"]
            out.update({(place, label): n for label, n in zip(answer["intervals"], s["values"])})
        return out
    if isinstance(q, peers_sql.Funnel):  # after a merge, more may reach a later step
        steps = answer["steps"][:1] if is_merge else answer["steps"]
        return {k: s["count"] for k, s in enumerate(steps)}
    if isinstance(q, peers_sql.Retention):
        if is_merge or q.cohort == "every":
            return {row["start"]: row["size"] for row in answer["cohorts"]}
        return {"sizes": sum(row["size"] for row in answer["cohorts"])} if q.cohort == "first_in_range" else {}
    if isinstance(q, peers_sql.Lifecycle):
        return dict(zip(answer["intervals"], answer["active"]))
    if isinstance(q, peers_sql.Stickiness):
        if is_merge:  # two days of two people are two days of one
            return {"active": answer["active"]}
        return dict(enumerate(answer["cumulative"]))
    return out


def fell(before, after, what):
    for place, n in after.items():
        limit = before.get(place, 0) or 0
        must((n or 0) <= limit, f"{what} raises {place} from {limit} to {n}")


def filter_more(tenure, rng, q):
    more, _ = peers_sql.condition(rng, q.zone, q.as_of)
    narrow = {**q.json, "filter": q.json.get("filter", []) + [more]}
    fell(counts(q, tenure.ask(q.json), False), counts(q, tenure.ask(narrow), False), json.dumps(more))


def two_parts(tenure, rng, q):
    """With any condition c: all = c + not c, for what is added up."""
    c, _ = peers_sql.condition(rng, q.zone, q.as_of)
    had = q.json.get("filter", [])
    whole, passing, rest = (tenure.ask({**q.json, "filter": f})["series"][0]["values"]
                            for f in (had, had + [c], had + [{"not": c}]))
    for a, b, all_of_it in zip(passing, rest, whole):
        must(peers.is_near(a + b, all_of_it), f"{json.dumps(c)}: {a} + {b} is not {all_of_it}")


def states(tenure, _rng, q):
    answer = tenure.ask(q.json)
    for part in [answer, *answer.get("groups", [])]:
        before = None
        for new, back, again, gone, active in zip(*(part[k] for k in (
                "new", "returning", "resurrecting", "dormant", "active"))):
            if active is None:
                break
            must(new + back + again == active, f"{new} + {back} + {again} is not {active}")
            must(gone <= 0 and (before is None or active - before == new + again + gone),
                 f"from {before} to {active} with {new}, {again}, {gone}")
            before = active


def merge(tenure, _rng, q):
    """The numbers before; world_try asks again after the merges."""
    return counts(q, tenure.ask(q.json), True)


def is_about(check, q):
    """Whether a question can show what a check is about."""
    is_trend, math = isinstance(q, peers_sql.Trends), getattr(q, "math", "")
    if check is people:
        return math in ("people", "first_time", "weekly_active", "monthly_active") if is_trend else \
            getattr(q, "counts", "people") == "people"
    if check is two_parts:
        return is_trend and math in ("events", "sum") and not q.by
    if check is states:
        return isinstance(q, peers_sql.Lifecycle)
    if isinstance(q, peers_sql.Paths) or (is_trend and math not in UNIQUES + ("events",) * (check is filter_more)):
        return False
    if check is filter_more:
        return not isinstance(q, peers_sql.Retention) or q.cohort in ("every", "first_in_range")
    # who is counted together may pass what each alone did not, and a trait of one becomes that of all
    if getattr(q, "minimum", 1) > 1:
        return False  # two of one are two, though one of each was none
    return q.by != "team" and not any(w in json.dumps(q.json.get("filter", [])) for w in ("did", "team"))


CHECKS = [people, people, filter_more, two_parts, states, merge]


# --- worlds ----------------------------------------------------------------------------------

def world_try(seed, count, tenure, show):
    """(passed, failed)"""
    world, rng = peers.World(seed), random.Random(seed * 31 + 5)
    apart = copy.copy(world)
    apart.people = [ids[:1] for ids in world.people]  # without merges; events keep their ids
    tenure.take(apart, seed)
    passed = failed = 0
    before = []
    for n in range(count):
        check = rng.choice(CHECKS)
        q = peers_sql.question(rng, world)
        while not is_about(check, q):
            q = peers_sql.question(rng, world)
        try:
            found = check(tenure, rng, q)
            if check is merge:
                before.append((n, q, found))
            else:
                passed += 1
        except Broken as broken:
            failed += 1
            if failed <= show:
                print(f"FAILED seed {seed}, trial {n}, {check.__name__}: {broken}\n  {json.dumps(q.json)}", flush=True)
    merges = [line for line in world.lines(rng) if "merge" in line]
    tenure.import_lines(merges)
    for n, q, numbers_before in before:
        try:
            fell(numbers_before, counts(q, tenure.ask(q.json), True), "a merge")
            passed += 1
        except Broken as broken:
            failed += 1
            if failed <= show:
                print(f"FAILED seed {seed}, trial {n}: {broken}\n  {json.dumps(q.json)}", flush=True)
    return passed, failed


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--trials", type=int, default=300)
    options.add_argument("--seed", type=int, default=1)
    args = options.parse_args()
    folder = tempfile.mkdtemp(prefix="tenure-invariants-")
    tenure = peers.Tenure(folder)
    passed = failed = 0
    try:
        for first in range(0, args.trials, TRIALS_A_WORLD):
            count = min(TRIALS_A_WORLD, args.trials - first)
            well, wrong = world_try(args.seed + first, count, tenure, FAILURES_SHOWN - failed)
            passed += well
            failed += wrong
    finally:
        tenure.close()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


main()
