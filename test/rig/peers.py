#!/usr/bin/env python3
"""The same random questions to Tenure, DuckDB and ClickHouse, about the same random events.

usage: peers.py [--trials N] [--seed S]

A trial is one question of which every number of the three answers was compared. A world is made from
a seed (S, S + 200, …), its events go into Tenure by `tenure import` (in parts, out of order, with
merges of people between them) and into the peers as a table of people already merged; then come 200
questions. The SQL of a question stands in peers_sql.py; calendars are each engine's own. Exit code 77
where the peers of make bench are not installed.
"""
import argparse
import csv
import http.client
import json
import math
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import peers_sql  # noqa: E402

TENURE = os.environ.get("TENURE", os.path.join(ROOT, "build", "tenure"))
NODE = os.path.join(ROOT, "build", "node", "bin", "node")
SKIPPED, QUESTIONS_A_WORLD, FAILURES_SHOWN = 77, 200, 10
START_MS = 1769904000000  # 2026-02-01T00:00:00Z; 90 days cross several changes of daylight saving
DAY_MS = 86400000
PLANS = ["free", "basic", "pro", "Pro", "", None]
MIXED = [1, 2, True, False, "1", "x", "true", None, 2.5]


class World:
    """Events and people from a seed."""

    def __init__(self, seed):
        rng = random.Random(seed)
        self.has_ties = rng.random() < 0.7
        self.people = [self.ids(rng, n) for n in range(rng.randint(5, 40))]
        self.teams = [rng.choice(["red", "blue", "red", None]) for _ in self.people]
        self.events = []
        taken = set()
        for n in range(rng.randint(200, 1200)):
            u = rng.randrange(len(self.people))
            time = START_MS + rng.randrange(90 * DAY_MS)
            if rng.random() < 0.4:
                time = START_MS + rng.randrange(5 * 24) * 3600000  # close together
            if self.has_ties and rng.random() < 0.5:
                time -= time % 3600000
            if not self.has_ties and (u, time) in taken:
                continue
            taken.add((u, time))
            self.events.append({
                "u": u, "time": time, "id": f"e{n}", "person": rng.choice(self.people[u]),
                "name": rng.choice("AAABBBCCDE"), "account": rng.choice(["x", "y", "z", "", ""]),
                "plan": rng.choice(PLANS), "mixed": rng.choice(MIXED) if rng.random() < 0.8 else None,
                "n": rng.choice([None, rng.randint(0, 9), rng.randint(0, 99) / 8])})

    @staticmethod
    def ids(rng, n):
        return [f"u{n}"] + [f"anon-{n}-{k}" for k in range(rng.choice([0, 0, 1, 2, 3]))]

    def lines(self, rng):
        """What is imported: events and facts, in any order."""
        out = []
        for e in self.events:
            properties = {k: e[k] for k in ("plan", "mixed", "n") if e[k] is not None}
            out.append({"event": e["name"], "person": e["person"], "time": e["time"], "id": e["id"],
                        "account": e["account"], "properties": properties})
        for n, ids in enumerate(self.people):
            for k in range(1, len(ids)):  # a chain, so that merges of merges occur
                out.append({"person": ids[rng.randrange(k)], "merge": [ids[k]]})
            if self.teams[n]:
                out.append({"person": ids[0], "traits": {"team": self.teams[n]}})
        rng.shuffle(out)
        return out

    def write_table(self, path):
        with open(path, "w", newline="", encoding="utf-8") as f:
            rows = csv.writer(f, lineterminator="\n")
            for e in self.events:
                mixed = e["mixed"]
                if isinstance(mixed, bool):
                    mixed = "true" if mixed else "false"
                # a missing value and an empty text are one group of a breakdown
                row = [e["u"], e["time"], e["name"], e["plan"] or None, mixed, e["n"],
                       self.teams[e["u"]], e["account"] or None]
                rows.writerow(["\\N" if v is None else v for v in row])


class Peer:
    def __init__(self, name, folder):
        self.name = name
        self.process = subprocess.Popen(
            [NODE, os.path.join(ROOT, "test", "rig", "peer.mjs"), name, folder], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def send(self, texts):
        self.process.stdin.write(json.dumps(texts) + "\n")
        self.process.stdin.flush()

    def receive(self):
        line = self.process.stdout.readline()
        reply = json.loads(line) if line else {"error": "it ended"}
        if "error" in reply:
            raise RuntimeError(f"{self.name}: {reply['error']}")
        return reply["rows"]

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=30)


class Tenure:
    def __init__(self, folder):
        self.folder, self.data = folder, os.path.join(folder, "data")
        self.log = open(os.path.join(folder, "log"), "w", encoding="utf-8")
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("TENURE")}
        self.process = subprocess.Popen([TENURE, "serve", "--data", self.data, "--listen", "127.0.0.1:0"],
                                        stdout=subprocess.PIPE, stderr=self.log, text=True, env=self.env)
        port = None
        while port is None:
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError("tenure serve did not start: " + open(self.log.name, encoding="utf-8").read())
            found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
            port = int(found.group(1)) if found else None
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.project = self.key = None

    def run(self, *words):
        done = subprocess.run([TENURE, *words, "--data", self.data, "--json"], text=True, check=False,
                              capture_output=True, env=self.env)
        if done.returncode:
            raise RuntimeError(f"tenure {' '.join(words)}: {done.stderr}")
        return json.loads(done.stdout)

    def take(self, world, seed):
        rng = random.Random(seed ^ 0x5EED)
        self.project = f"w{seed}"
        self.key = self.run("project", "create", self.project)["secret_key"]
        lines = world.lines(rng)
        cuts = sorted(rng.randrange(len(lines) + 1) for _ in range(rng.randint(0, 3)))
        for a, b in zip([0] + cuts, cuts + [len(lines)]):
            self.import_lines(lines[a:b])

    def import_lines(self, lines):
        path = os.path.join(self.folder, "part.jsonl")
        with open(path, "w", encoding="utf-8") as f:
            f.writelines(json.dumps(line) + "\n" for line in lines)
        if lines:
            self.run("import", path, "--project", self.project, "--format", "events")

    def ask(self, question):
        """The peers may take longer than the server keeps a line that says nothing."""
        try:
            return self.ask_once(question)
        except (ConnectionError, http.client.HTTPException):
            self.connection.close()
            return self.ask_once(question)

    def ask_once(self, question):
        self.connection.request("POST", f"/api/v1/projects/{self.project}/query", json.dumps(question),
                                {"Authorization": "Bearer " + self.key, "Content-Type": "application/json"})
        reply = self.connection.getresponse()
        body = json.loads(reply.read())
        if reply.status != 200:
            raise RuntimeError(f"tenure: {reply.status} {json.dumps(body)}\n{json.dumps(question)}")
        return body

    def close(self):
        self.connection.close()
        self.process.terminate()
        self.process.wait(timeout=30)
        self.process.stdout.close()
        self.log.close()


def is_near(a, b):
    if a is None or b is None:
        return a is None and b is None
    return abs(a - b) <= 1e-9 * max(1, abs(a), abs(b)) or (math.isnan(a) and math.isnan(b))


def first_difference(ours, theirs):
    """Both map a number's place to it; what is missing is what stands for nothing there."""
    for place in sorted(set(ours) | set(theirs), key=repr):
        if not is_near(ours.get(place, 0), theirs.get(place, 0)):
            return f"{place}: {ours.get(place, 0)}, not {theirs.get(place, 0)}"
    return None


def world_ask(seed, count, tenure, peers, folder, show):
    """(trials, failures) of one world."""
    world, rng = World(seed), random.Random(seed * 7919 + 1)
    path = os.path.join(folder, "table.csv")
    world.write_table(path)
    tenure.take(world, seed)
    for peer in peers:
        peer.send(peers_sql.DIALECTS[peer.name].load(path))
    asked = [peers_sql.question(rng, world) for _ in range(count)]
    for peer in peers:
        peer.receive()
        peer.send([q.sql(peers_sql.DIALECTS[peer.name]) for q in asked])
    answers = [tenure.ask(q.json) for q in asked]
    theirs = {p.name: p.receive() for p in peers}
    failures = 0
    for n, q in enumerate(asked):
        ours = q.read(answers[n])
        for peer in peers:
            difference = first_difference(ours, q.rows(theirs[peer.name][n]))
            if difference:
                failures += 1
                if show > 0:
                    show -= 1
                    print(f"FAILED seed {seed}, question {n}: {json.dumps(q.json)}\n  {difference} of "
                          f"{peer.name}\n  {q.sql(peers_sql.DIALECTS[peer.name])}\n"
                          f"  again: test/rig/peers.py --seed {seed} --trials {n + 1}", flush=True)
                break
    return count, failures


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--trials", type=int, default=400)
    options.add_argument("--seed", type=int, default=1)
    args = options.parse_args()
    if not all(os.path.exists(p) for p in (NODE, os.path.join(ROOT, "bench", "node_modules", "chdb"))):
        print("skipped: DuckDB and ClickHouse are not installed; tool/setup bench brings them")
        sys.exit(SKIPPED)
    folder = tempfile.mkdtemp(prefix="tenure-peers-")
    passed = failed = 0
    tenure = Tenure(folder)
    peers = [Peer(name, folder) for name in peers_sql.DIALECTS]
    try:
        for first in range(0, args.trials, QUESTIONS_A_WORLD):
            count = min(QUESTIONS_A_WORLD, args.trials - first)
            tried, wrong = world_ask(args.seed + first, count, tenure, peers, folder,
                                     FAILURES_SHOWN - failed)
            passed += tried - wrong
            failed += wrong
    finally:
        for one in [*peers, tenure]:
            one.close()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
