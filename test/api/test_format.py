#!/usr/bin/env python3
"""docs/format is exact enough to write a reader from: test/format/reader.py is one, and must find in the
files what was sent: random events in segments and in the log, people, traits, merges."""
import json
import os
import random
import sys

from house import ROOT, Case, main

sys.path.insert(0, os.path.join(ROOT, "test", "format"))
from reader import Damaged, Project  # noqa: E402
from xxh3 import xxh3_64  # noqa: E402

START, END = 1760000000000, 1771000000000  # 2025-10 … 2026-02
THAI = "สวัสดี"


def some_value(dice):
    return dice.choice([
        lambda: dice.randint(-5, 5), lambda: dice.randint(-2**63, 2**63 - 1), lambda: 1000 * dice.randint(0, 99),
        lambda: dice.random(), lambda: dice.choice([0.5, 1e300, -2.25]), lambda: True, lambda: False,
        lambda: None, lambda: dice.choice(["a", "b", "", THAI]), lambda: "x" * dice.randint(0, 300),
        lambda: f"text {dice.randint(0, 10**9)}", lambda: [1, "two", None], lambda: []])()


def some_event(dice, n):
    names = ["country", "plan", "price", "note", "n", "ok", "tags", f"rare{n % 200}"]
    properties = {name: some_value(dice) for name in names if dice.random() < 0.4}
    properties["k"] = n
    if dice.random() < 0.5:
        properties["always"] = dice.choice(["one", "two", "three"])
    event = {"event": dice.choice(["Signed Up", "Page Viewed", "Paid", THAI]),
             "person": f"{dice.choice(['user', THAI])}-{dice.randint(0, 60)}",
             "time": dice.choice([dice.randint(START, END), START + 1000 * dice.randint(0, 50)]),
             "properties": properties}
    kind = n % 4
    if kind == 0:
        event["id"] = f"id-{n}"
    elif kind == 1:
        event["id"] = f"{dice.getrandbits(32):08x}-0000-4000-8000-{n:012x}"
    elif kind == 2:
        event["id"] = f"{n:08X}-0000-4000-8000-{n:012x}"  # not canonical: kept as text
    if dice.random() < 0.3:
        event["account"] = f"acct {dice.randint(0, 9)}"
    if dice.random() < 0.3:
        event["session"] = f"s{dice.randint(0, 99)}"
    return event


def key_of(event):
    """What must come out again. 1.0 and 1 are different things."""
    properties = sorted((k, type(v).__name__, json.dumps(v)) for k, v in event["properties"].items())
    return json.dumps([event.get(k, "") for k in ("event", "person", "account", "session")] +
                      [event["time"], properties])


def value_of(kind, value):
    if kind == 6:
        return json.loads(value)
    return value.decode() if kind == 5 else value


def key_read(event):
    shown = {k: event[k].decode() for k in ("event", "person", "account", "session")}
    shown["time"] = event["time"]
    shown["properties"] = {n.decode(): value_of(k, v) for n, k, v in event["properties"]}
    return key_of(shown)


class Format(Case):
    def send(self, records):
        self.done("import", "-", "--format", "events",
                  stdin="\n".join(json.dumps(r, ensure_ascii=False) for r in records))

    def folder_of(self, data=None):
        return os.path.join(data or self.data, "projects", "main")

    def seal(self):
        """All that was sent becomes segments: a large import is put in order at its end."""
        self.send({"event": "Filler", "person": f"filler-{n % 50}", "time": START + n % 97 * 86400000}
                  for n in range(1 << 18))

    def compare(self, events):
        project = Project(self.folder_of())
        found = [e for e in project.events if e["event"] != b"Filler"]
        self.assertEqual(sorted(map(key_read, found)), sorted(map(key_of, events)))
        self.assertEqual({e["id"].decode() for e in found if e["id"]}, {e["id"] for e in events if "id" in e})
        return project

    def test_what_was_sent_is_read_back(self):
        dice = random.Random(20260203)
        events = [some_event(dice, n) for n in range(2500)]
        self.send(events[:1200])
        self.compare(events[:1200])  # from the log alone
        self.send([{"person": "user-1", "traits": {"plan": "pro", "seats": 4}, "created": "2025-01-02T00:00:00Z"},
                   {"person": "user-1", "merge": ["anon-7", "anon-8"]}, {"person": "user-1", "unmerge": ["anon-8"]}])
        self.send(events[1000:2000])  # 200 for the second time
        self.seal()
        project = self.compare(events[:2000])
        self.assertGreater(project.in_segments, 1 << 18)
        self.assertEqual(len(project.events), project.in_segments)
        self.check_facts(project)
        self.send(events[2000:])
        self.send(events[:50])
        project = self.compare(events)
        self.assertGreater(len(project.events), project.in_segments)
        people = {p.decode() for p in project.people} | {e["person"].decode() for e in project.events}
        self.assertEqual({e["person"] for e in events} - people, set())
        self.assertEqual(len(project.people), len(set(project.people)))

    def check_facts(self, project):
        self.assertEqual([f["kind"] for f in project.facts], [0, 2, 2, 3])
        traits, merge, _, unmerge = project.facts
        self.assertEqual(traits["subject"], b"user-1")
        self.assertEqual(sorted(traits["traits"]), [(b"plan", 5, b"pro"), (b"seats", 3, 4)])
        self.assertEqual(traits["created"], 1735776000000)
        self.assertEqual((merge["subject"], merge["other"]), (b"user-1", b"anon-7"))
        self.assertEqual((unmerge["subject"], unmerge["other"]), (b"user-1", b"anon-8"))

    def test_a_backup_is_read_the_same_way(self):
        dice = random.Random(5)
        events = [some_event(dice, n) for n in range(300)]
        self.send(events)
        self.done("backup", os.path.join(self.folder, "b"))
        self.data = os.path.join(self.folder, "b")
        self.compare(events)

    def test_the_reader_sees_damage(self):
        """Or its checksums would prove nothing."""
        dice = random.Random(7)
        self.send([some_event(dice, n) for n in range(300)])
        for name in ("manifest", "wal-0000000001"):
            path = os.path.join(self.folder_of(), name)
            with open(path, "rb") as f:
                whole = f.read()
            for at in (3, 20, 130, 150, len(whole) // 2 if name.startswith("wal") else 140):
                with open(path, "wb") as f:
                    f.write(whole[:at] + bytes([whole[at] ^ 16]) + whole[at + 1:])
                with self.assertRaises((Damaged, UnicodeDecodeError), msg=f"{name} at {at}"):
                    Project(self.folder_of())
            with open(path, "wb") as f:
                f.write(whole)
        Project(self.folder_of())

    def test_xxh3(self):
        """Values of the xxhsum program."""
        self.assertEqual(xxh3_64(b""), 0x2D06800538D394C2)
        self.assertEqual(xxh3_64(b"", 1), 0x4DC5B0CC826F6703)


if __name__ == "__main__":
    main()
