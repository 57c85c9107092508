#!/usr/bin/env python3
"""serve: the real command, killed or stopped at random moments; this process keeps the books.

Of twelve trials eight kill a server (`tenure serve`) that four writers send batches to, two kill an
import from a file, one ends a server with SIGTERM (it must end by itself within 10 s), and one stops
the process for a moment (SIGSTOP, SIGCONT) before the kill. After each restart every acknowledged
event must be there once: the number of events is exactly what was acknowledged, each batch that was
cut off is there whole or not at all (sending it again tells), and in the end everything is sent
again, and all of it must be known. Segments are written every few hundred events.

usage: serve.py [--trials N] [--seed S]
"""
import argparse
import http.client
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "api"))
from house import TENURE, Server, clean_env  # noqa: E402

WRITERS, BATCH, TRIALS_A_STORE, STOP_SECONDS = 4, 5, 12, 10
FILE_LINES = 20000
ENVIRONMENT = {"TENURE_SEAL_ROWS": "150"}


class Broken(Exception):
    pass


class Store:
    """A data directory, and what is known of it."""

    def __init__(self, seed):
        self.folder = tempfile.mkdtemp(prefix="tenure-serve-")
        self.data = os.path.join(self.folder, "data")
        self.acknowledged = [0] * WRITERS  # batches
        self.sent = [0] * WRITERS
        self.imported = 0
        self.files = 0
        self.seed = seed
        made = self.run("project", "create", "shop", "--json")
        self.key = json.loads(made)["write_key"]

    def run(self, *words):
        done = subprocess.run([TENURE, *words, "--data", self.data], capture_output=True, text=True,
                              env=clean_env(ENVIRONMENT), timeout=120, stdin=subprocess.DEVNULL)
        if done.returncode:
            raise Broken(f"tenure {' '.join(words)}: {done.stderr}")
        return done.stdout

    def batch(self, writer, number):
        """Different every time it is asked for a new number; the same for the same one."""
        dice = random.Random(f"{self.seed} {writer} {number}")
        return json.dumps({"events": [
            {"id": f"{writer}-{number}-{i}", "event": f"event {dice.randrange(9)}",
             "person": f"person {dice.randrange(50)}",
             "time": f"2026-0{dice.randrange(1, 7)}-{dice.randrange(10, 28)}T10:00:00Z",
             "properties": {"n": dice.randrange(1000), "plan": dice.choice(["free", "pro"])}}
            for i in range(BATCH)]})

    def events(self):
        for p in json.loads(self.run("status", "--json"))["projects"]:
            if p["project"] == "shop":
                return p["events"]
        raise Broken("the project is gone")

    def post(self, connection, writer, number):
        connection.request("POST", "/api/v1/events", self.batch(writer, number),
                           {"Authorization": "Bearer " + self.key})
        reply = connection.getresponse()
        body = reply.read()
        if reply.status != 200:
            raise Broken(f"a batch was answered with {reply.status}: {body[:200]}")
        return json.loads(body)

    def compare(self):
        """After a restart, with a server: settles what was cut off, then counts."""
        server = Server(self.data, env=ENVIRONMENT)
        try:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
            before = self.events()
            known = self.imported + BATCH * sum(self.acknowledged)
            unclear = sum(s - a for s, a in zip(self.sent, self.acknowledged))
            if not known <= before <= known + BATCH * unclear:
                raise Broken(f"{known} events were acknowledged, {BATCH * unclear} sent beside; "
                             f"{before} are there")
            found = 0
            for w in range(WRITERS):
                for number in range(self.acknowledged[w], self.sent[w]):
                    reply = self.post(connection, w, number)
                    if (reply["accepted"], reply["duplicates"]) not in ((BATCH, 0), (0, BATCH)):
                        raise Broken(f"a batch was there in part: {reply}")
                    found += reply["duplicates"]
                self.acknowledged[w] = self.sent[w]
            if before != known + found:
                raise Broken(f"{before} events were there, {known + found} of them known")
            after = self.events()
            if after != self.imported + BATCH * sum(self.acknowledged):
                raise Broken(f"{after} events are there after all was sent again")
        finally:
            server.close()

    def send_all_again(self):
        server = Server(self.data, env=ENVIRONMENT)
        try:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
            for w in range(WRITERS):
                for number in range(self.acknowledged[w]):
                    reply = self.post(connection, w, number)
                    if (reply["accepted"], reply["duplicates"]) != (0, BATCH):
                        raise Broken(f"batch {number} of writer {w} was not all there: {reply}")
            if self.events() != self.imported + BATCH * sum(self.acknowledged):
                raise Broken("sending everything again changed the number of events")
        finally:
            server.close()

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)


def write(store, server, writer, stop):
    """Sends batches until the server is gone."""
    try:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        while not stop.is_set():
            number = store.sent[writer]
            store.sent[writer] = number + 1
            store.post(connection, writer, number)
            store.acknowledged[writer] = number + 1
    except (OSError, http.client.HTTPException):
        return
    except Broken as wrong:
        if " 503" not in str(wrong):  # it is stopping, and says so
            stop.wrong = str(wrong)


def serve_and_end(store, dice, how):
    server = Server(store.data, env=ENVIRONMENT)
    stop = threading.Event()
    stop.wrong = None
    threads = [threading.Thread(target=write, args=(store, server, w, stop)) for w in range(WRITERS)]
    try:
        for t in threads:
            t.start()
        time.sleep(dice.uniform(0, 0.35))
        if how == "pause":
            server.process.send_signal(signal.SIGSTOP)
            time.sleep(dice.uniform(0, 0.1))
            server.process.send_signal(signal.SIGCONT)
            time.sleep(dice.uniform(0, 0.05))
        if how == "term":
            code, seconds = server.stop()
            if code != 0 or seconds > STOP_SECONDS:
                raise Broken(f"SIGTERM: exit code {code} after {seconds:.1f} s")
        else:
            server.kill()
    finally:
        stop.set()
        server.close()
        for t in threads:
            t.join()
    if stop.wrong:
        raise Broken(stop.wrong)


def import_and_kill(store, dice):
    path = os.path.join(store.folder, "events.jsonl")
    store.files += 1
    with open(path, "w", encoding="utf-8") as f:
        for i in range(FILE_LINES):
            f.write(json.dumps({"event": f"event {i % 7}", "person": f"person {i % 100}",
                                "time": f"2026-0{1 + i % 6}-{10 + i % 18}T09:00:00Z",
                                "properties": {"file": store.files, "i": i // 2}}) + "\n")
    process = subprocess.Popen([TENURE, "import", path, "--project", "shop", "--data", store.data],
                               env=clean_env(ENVIRONMENT), stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(dice.uniform(0, 0.5))
    process.kill()
    process.wait()
    before = store.events()
    report = json.loads(store.run("import", path, "--project", "shop", "--json"))
    known = store.imported + BATCH * sum(store.acknowledged)
    store.imported += FILE_LINES
    if store.events() != known + FILE_LINES or not known <= before <= known + FILE_LINES:
        raise Broken(f"{known} events, {before} after the kill, {store.events()} after the second "
                     f"import of {FILE_LINES}: {report}")


KINDS = ["kill"] * 8 + ["import"] * 2 + ["term", "pause"]


def one_store(seed, trials):
    """(passed, what went wrong or None, where)"""
    store = Store(seed)
    try:
        kinds = KINDS[:]
        random.Random(seed).shuffle(kinds)
        for i in range(trials):
            dice = random.Random(seed + i)
            try:
                if kinds[i] == "import":
                    import_and_kill(store, dice)
                else:
                    serve_and_end(store, dice, kinds[i])
                store.compare()
                if i + 1 == trials:
                    store.send_all_again()
            except (Broken, AssertionError, OSError, http.client.HTTPException) as wrong:
                return i, f"{kinds[i]}: {wrong}", seed + i
        return trials, None, None
    finally:
        store.close()


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--trials", type=int, default=24)
    options.add_argument("--seed", type=int, default=1)
    args = options.parse_args()
    passed = failed = 0
    for first in range(0, args.trials, TRIALS_A_STORE):
        n, wrong, where = one_store(args.seed + first, min(TRIALS_A_STORE, args.trials - first))
        passed += n
        if wrong:
            failed += 1
            print(f"FAILED seed {where}: {wrong}\n  again: serve.py --trials {where - args.seed - first + 1}"
                  f" --seed {args.seed + first}", flush=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
