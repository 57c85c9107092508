#!/usr/bin/env python3
"""alloc: the n-th allocation fails, of ours and of every library's, in each command and each route.

One trial is one n of one flow, once or from then on for ever. The command must end as if nothing had
been, or with code 1 and one sentence (it said no), or with code 71 and the one line for a process
without memory; the server must answer rightly, answer with an error, drop that one connection, or end
with code 71. Never a signal, never a hang, never a wrong answer; and afterwards, with memory again,
everything that was acknowledged is there once, and what was not is there whole or not at all.

Points are taken in an order that visits every flow early: any number of trials is spread over all.

usage: alloc.py [--trials N] [--seed S] [--flow NAME]
"""
import argparse
import gzip
import http.client
import json
import mmap
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(HERE, "..", "api"))
from house import TENURE, Server, clean_env  # noqa: E402

EXHAUSTED, SKIPPED, TIMEOUT = 71, 77, 30
LINE = "tenure: out of memory"
EVENTS = 40
QUESTION = {"insight": "trends", "series": [{"event": "Signed Up"}], "from": "2026-01-01",
            "to": "2026-03-01", "interval": "month"}
FUNNEL = {"insight": "funnel", "steps": [{"event": "Signed Up"}, {"event": "Paid"}],
          "from": "2026-01-01", "to": "2026-03-01", "breakdown": [{"property": "plan"}]}
RETENTION = {"insight": "retention", "start": {"event": "Signed Up"}, "interval": "week",
             "from": "2026-01-01", "to": "2026-03-01", "timezone": "Asia/Bangkok"}


class Wrong(Exception):
    pass


def line_of(n):
    return {"id": f"e{n}", "event": "Paid" if n % 3 else "Signed Up", "person": f"p{n % 7}",
            "time": f"2026-0{1 + n % 2}-{10 + n % 18}T10:00:00Z",
            "properties": {"plan": "pro" if n % 2 else "free", "amount": n}}


class Control:
    """The file that test/rig/alloc_fail.c maps: is_on, count, fail_at, for_ever, failed."""

    def __init__(self, path):
        with open(path, "wb") as f:
            f.write(bytes(4096))
        self.file = open(path, "r+b")
        self.map = mmap.mmap(self.file.fileno(), 4096)

    def set(self, on, fail_at=0, for_ever=False):
        self.map[0:8] = bytes(8)
        self.map[8:40] = struct.pack("<4Q", 0, fail_at, int(for_ever), 0)
        self.map[0:8] = struct.pack("<Q", int(on))

    def off(self):
        self.map[0:8] = bytes(8)

    def count(self):
        return struct.unpack("<Q", self.map[8:16])[0]


class World:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="tenure-alloc-")
        self.control = Control(os.path.join(self.folder, "control"))
        library = os.environ.get("ALLOC_FAIL", os.path.join(ROOT, "build", "c", "test", "rig",
                                                            "liballoc_fail.so"))
        if not os.path.exists(library):
            print(f"skipped: {library} is not built")
            sys.exit(SKIPPED)
        self.env = clean_env({"LD_PRELOAD": library, "TENURE_SEAL_ROWS": "64",
                              "ALLOC_CONTROL": os.path.join(self.folder, "control")})
        self.template = os.path.join(self.folder, "template")
        self.data = os.path.join(self.folder, "data")
        self.lines = os.path.join(self.folder, "events.jsonl")
        self.more = os.path.join(self.folder, "more.jsonl.gz")
        with open(self.lines, "w", encoding="utf-8") as f:
            f.writelines(json.dumps(line_of(n)) + "\n" for n in range(EVENTS))
        with gzip.open(self.more, "wt") as f:
            f.writelines(json.dumps(line_of(n)) + "\n" for n in range(1000, 1000 + EVENTS))
        self.must("project", "create", "shop", "--json", data=self.template)
        self.must("import", self.lines, "--project", "shop", data=self.template)
        self.must("people", "merge", "p1", "p2", "--project", "shop", data=self.template)
        self.must("backup", os.path.join(self.folder, "kept"), data=self.template)
        self.key, self.write = (json.loads(self.must(
            "key", "create", "--project", "shop", "--scope", scope, "--json",
            data=self.template))["key"] for scope in ("read", "write"))
        self.fresh()

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def fresh(self):
        for name in os.listdir(self.folder):
            if name.startswith(("data", "copy")):
                shutil.rmtree(os.path.join(self.folder, name), ignore_errors=True)
        shutil.copytree(self.template, self.data, ignore=shutil.ignore_patterns("socket"))

    def run(self, words, data=None, stdin=""):
        return subprocess.run([TENURE, *words, "--data", data or self.data], input=stdin, text=True,
                              capture_output=True, env=self.env, timeout=TIMEOUT, cwd=self.folder)

    def must(self, *words, data=None):
        self.control.off()
        done = self.run(words, data)
        if done.returncode:
            raise Wrong(f"with memory, tenure {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def events(self, data=None):
        for p in json.loads(self.must("status", "--json", data=data))["projects"]:
            if p["project"] == "shop":
                return p["events"]
        raise Wrong("the project is gone")


# --- commands: words, what it must leave behind ---------------------------------------------------

def same(w, done):
    return EVENTS


def more_if_done(w, done):
    return 2 * EVENTS if done.returncode == 0 else (EVENTS, 2 * EVENTS)


COMMANDS = {
    "version": (["version"], same, True),
    "help": (["help", "query"], same, True),
    "status": (["status", "--json"], same, False),
    "trends": (["query", json.dumps(QUESTION), "--project", "shop", "--json"], same, True),
    "funnel": (["query", json.dumps(FUNNEL), "--project", "shop"], same, True),
    "retention": (["query", json.dumps(RETENTION), "--project", "shop", "--csv"], same, True),
    "import": (["import", "more.jsonl.gz", "--project", "shop", "--json"], more_if_done, False),
    "dry run": (["import", "more.jsonl.gz", "--project", "shop", "--dry-run"], same, False),
    "project create": (["project", "create", "other"], same, False),
    "project set": (["project", "set", "shop", "--timezone", "Asia/Bangkok"], same, False),
    "project list": (["project", "list", "--json"], same, False),
    "key create": (["key", "create", "--project", "shop", "--scope", "read"], same, False),
    "key list": (["key", "list"], same, False),
    "signin": (["signin"], same, False),
    "merge": (["people", "merge", "p3", "p4", "--project", "shop"], same, False),
    "unmerge": (["people", "unmerge", "p1", "p2", "--project", "shop"], same, False),
    "identity": (["people", "identity", "p1", "--project", "shop", "--json"], same, False),
    "backup": (["backup", "copy"], same, False),
    "check": (["check"], same, False),
    "restore": (["restore", "kept", "--replace"], same, False),
}


def check_ended(done, name):
    code, err = done.returncode, done.stderr
    if code == EXHAUSTED:
        if LINE not in err:
            raise Wrong(f"{name}: code {EXHAUSTED} without its line: {err!r}")
    elif code == 1:
        if not err.startswith("tenure: ") and "\ntenure: " not in err:
            raise Wrong(f"{name}: code 1 without a sentence: {err!r}")
    elif code:
        raise Wrong(f"{name}: ended with {code}: {err[-400:]!r}")


class Command:
    def __init__(self, name):
        self.name = name
        self.words, self.leaves, self.has_answer = COMMANDS[name]
        self.answer = None

    def count(self, w):
        w.fresh()
        w.control.set(True)
        done = w.run(self.words)
        w.control.off()
        if done.returncode:
            raise Wrong(f"{self.name}, with memory: {done.stderr}")
        self.answer = done.stdout
        return w.control.count()

    def trial(self, w, n, for_ever):
        w.fresh()
        w.control.set(True, n, for_ever)
        try:
            done = w.run(self.words)
        except subprocess.TimeoutExpired as late:
            raise Wrong(f"{self.name} did not end within {TIMEOUT} s") from late
        finally:
            w.control.off()
        check_ended(done, self.name)
        if done.returncode == 0 and self.has_answer and steady(done.stdout) != steady(self.answer):
            raise Wrong(f"{self.name}: another answer: {done.stdout!r}")
        if self.name == "backup" and done.returncode == 0:
            w.must("check", "copy")
        if self.name == "restore" and not os.path.exists(w.data):
            return  # aside, as it says; the backup is there
        want, got = self.leaves(w, done), w.events()
        if got != want and not (isinstance(want, tuple) and want[0] <= got <= want[1]):
            raise Wrong(f"{self.name}: {got} events afterwards, must be {want}")
        w.must("check")


# --- routes of a server that goes on -----------------------------------------------------------

class Site:
    """A server with the library in it, and how many events it must hold."""

    def __init__(self, world):
        self.w = world
        self.data = os.path.join(world.folder, "site")
        self.server = None
        self.sent = 0
        self.fresh()

    def start(self):
        if self.server is None:
            self.w.control.off()
            self.server = Server(self.data, env={k: self.w.env[k] for k in
                                                   ("LD_PRELOAD", "ALLOC_CONTROL", "TENURE_SEAL_ROWS")})
            self.cookie = self.server.sign_in()
            for path in ("/readyz", "/healthz"):
                self.server.get(path)
            self.count()

    def stop(self):
        if self.server:
            self.server.close()
            self.server = None

    def fresh(self):
        self.stop()
        shutil.rmtree(self.data, ignore_errors=True)
        shutil.copytree(self.w.template, self.data, ignore=shutil.ignore_patterns("socket"))
        self.least = self.most = EVENTS

    def count(self):
        """Asks, with memory, how many events there are: no fewer than acknowledged, no more than sent."""
        q = {"insight": "trends", "series": [{"event": None}], "from": "2026-01-01", "to": "2027-01-01",
             "interval": "year"}
        reply = self.server.request("POST", "/api/v1/projects/shop/query", q,
                                    {"Authorization": "Bearer " + self.w.key})
        if reply.status != 200:
            raise Wrong(f"a question, with memory: {reply.status} {reply.body[:300]}")
        found = reply.json()["series"][0]["total"]
        if not self.least <= found <= self.most:
            raise Wrong(f"{found} events, must be {self.least} to {self.most}")
        self.least = self.most = found


def native(site):
    n = site.sent = site.sent + 10
    # Of people and a name that no question here asks for: its answers stay as they are.
    return json.dumps({"events": [dict(line_of(100000 + n + i), event="Visited", person=f"v{i}")
                                  for i in range(3)]}).encode()


def segment(site):
    n = site.sent = site.sent + 10
    return json.dumps({"batch": [{"type": "track", "event": "Paid", "userId": f"u{i}",
                                  "messageId": f"s{n + i}", "timestamp": "2026-02-03T04:05:06Z"}
                                 for i in range(3)]}).encode()


def ask(question):
    return lambda site: json.dumps(question).encode()


BEARER, WRITE, COOKIE, NONE = "bearer", "write", "cookie", ""
# name: method, path, body, encoding, key, events that a 2xx acknowledges
ROUTES = {
    "POST events": ("POST", "/api/v1/events", native, "", WRITE, 3),
    "POST events, gzip": ("POST", "/api/v1/events", native, "gzip", WRITE, 3),
    "POST batch": ("POST", "/v1/batch", segment, "", WRITE, 3),
    "POST trends": ("POST", "/api/v1/projects/shop/query", ask(QUESTION), "", BEARER, 0),
    "POST funnel": ("POST", "/api/v1/projects/shop/query", ask(FUNNEL), "", BEARER, 0),
    "POST retention": ("POST", "/api/v1/projects/shop/query", ask(RETENTION), "", BEARER, 0),
    "GET definitions": ("GET", "/api/v1/projects/shop/definitions", None, "", BEARER, 0),
    "GET identity": ("GET", "/api/v1/projects/shop/people/p1/identity", None, "", BEARER, 0),
    "GET me": ("GET", "/api/v1/me", None, "", COOKIE, 0),
    "GET healthz": ("GET", "/healthz", None, "", NONE, 0),
    "GET readyz": ("GET", "/readyz", None, "", NONE, 0),
    "GET metrics": ("GET", "/metrics", None, "", NONE, 0),
    "GET openapi": ("GET", "/openapi.json", None, "", NONE, 0),
    "GET /": ("GET", "/", None, "", NONE, 0),
    "GET nothing": ("GET", "/nothing/here", None, "", NONE, 0),
    "GET signin": ("GET", "/signin?token=none", None, "", NONE, 0),
    "OPTIONS events": ("OPTIONS", "/api/v1/events", None, "", NONE, 0),
}


class Route:
    def __init__(self, name):
        self.name = name
        self.method, self.path, self.body, self.encoding, self.key, self.acknowledges = ROUTES[name]
        self.usual = None

    def request(self, site):
        headers = {"Origin": "https://shop.example"} if self.key in (WRITE, NONE) else {}
        if self.key == COOKIE:
            headers["Cookie"] = site.cookie
        elif self.key:
            headers["Authorization"] = "Bearer " + (site.w.key if self.key == BEARER else site.w.write)
        body = self.body(site) if self.body else None
        if self.encoding:
            body = gzip.compress(body)
            headers["Content-Encoding"] = "gzip"
        if self.acknowledges:
            site.most += self.acknowledges
        connection = http.client.HTTPConnection("127.0.0.1", site.server.port, timeout=TIMEOUT)
        try:
            connection.request(self.method, self.path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        except TimeoutError as late:
            raise Wrong(f"{self.name}: no answer within {TIMEOUT} s") from late
        except (http.client.HTTPException, OSError):
            return 0, b""
        finally:
            connection.close()

    def count(self, w):
        site = w.site
        site.start()
        self.request(site)  # what only the first request needs
        w.control.set(True)
        self.usual = self.request(site)
        w.control.off()
        site.least = site.least + 2 * self.acknowledges
        if self.usual[0] == 0 or self.usual[0] >= 500:
            raise Wrong(f"{self.name}, with memory: {self.usual}")
        site.count()
        return w.control.count()

    def trial(self, w, n, for_ever):
        site = w.site
        if site.most > 4000:
            site.fresh()
        site.start()
        w.control.set(True, n, for_ever)
        try:
            status, body = self.request(site)
        finally:
            w.control.off()
        if self.acknowledges and 200 <= status < 300:
            site.least += self.acknowledges
        if status not in (0, self.usual[0]) and status < 500 and status != 507:
            raise Wrong(f"{self.name}: status {status} for {self.usual[0]}: {body[:300]}")
        if status >= 500 and "error" not in json.loads(body):
            raise Wrong(f"{self.name}: status {status} without an error: {body[:300]}")
        if status == 200 and self.name in ("POST trends", "POST funnel", "POST retention") and \
                steady(body) != steady(self.usual[1]):
            raise Wrong(f"{self.name}: another answer: {body[:300]}")
        code = ended(site.server)
        if code is None:
            site.count()
            return
        errors = site.server.errors()
        site.stop()
        if code != EXHAUSTED or LINE not in errors:
            raise Wrong(f"{self.name}: the server ended with {code}: {errors[-400:]!r}")
        site.start()


def steady(answer):
    """An answer without the moment it was asked at."""
    text = answer.decode() if isinstance(answer, bytes) else answer
    return re.sub(r"20\d\d-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)|\"took_ms\":\d+", "-", text)


def ended(server):
    """The exit code; None while it lives. A dying one takes a moment."""
    try:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=TIMEOUT)
        connection.request("GET", "/healthz")
        if connection.getresponse().status == 200:
            return None
    except (http.client.HTTPException, OSError):
        pass
    finally:
        connection.close()
    for _ in range(200):
        code = server.process.poll()
        if code is not None:
            return code
        time.sleep(0.01)
    raise Wrong("the server lives and does not answer")


def points(flows, counts):
    """All (flow, n, for ever), in a fixed order that visits each flow early and often."""
    dice, queues = random.Random(1), []
    for flow in flows:
        mine = [(flow, n, for_ever) for n in range(1, counts[flow.name] + 1) for for_ever in (False, True)]
        dice.shuffle(mine)
        queues.append(mine)
    while any(queues):
        for queue in queues:
            if queue:
                yield queue.pop()


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--trials", type=int, default=200)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--flow", default="")
    args = options.parse_args()
    flows = [f for f in [Command(n) for n in COMMANDS] + [Route(n) for n in ROUTES]
             if args.flow in ("", f.name)]
    world = World()
    world.site = Site(world)
    passed, failures, first = 0, [], args.seed - 1
    try:
        counts = {f.name: f.count(world) for f in flows}
        print(", ".join(f"{name}: {n}" for name, n in counts.items()))
        everything = list(points(flows, counts))
        print(f"{len(everything)} points in all", flush=True)
        for i in range(args.trials):
            flow, n, for_ever = everything[(first + i) % len(everything)]
            try:
                flow.trial(world, n, for_ever)
                passed += 1
            except Wrong as wrong:
                failures.append(f"{flow.name}, allocation {n}{' and all after it' if for_ever else ''}: {wrong}")
                print(f"FAILED seed {first + i + 1}: {failures[-1]}\n"
                      f"  again: alloc.py --trials 1 --seed {first + i + 1}"
                      + (f" --flow '{args.flow}'" if args.flow else ""), flush=True)
                world.site.fresh()
                if len(failures) >= 20:
                    break
    finally:
        world.site.stop()
        world.close()
    print(f"{passed} passed, {len(failures)} failed")
    return 1 if failures or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
