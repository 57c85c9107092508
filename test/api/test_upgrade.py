#!/usr/bin/env python3
"""Data directories of every version of the formats are opened and answer as they did (test/fixtures); one of
a newer version is refused by name, and stays untouched."""
import glob
import json
import os
import re
import shutil
import sqlite3
import struct
import sys
import tarfile

from house import FAILED, ROOT, TENURE, Case, main

sys.path[:0] = [os.path.join(ROOT, "test", name) for name in ("fixtures", "format")]
from answers import answers  # noqa: E402
from reader import Project, crc32c  # noqa: E402

FIXTURES = sorted(glob.glob(os.path.join(ROOT, "test", "fixtures", "data-*.tar.xz")))
REMADE = ("lock", "reserve", "socket")


def files_of(folder):
    found = {}
    for base, _, names in os.walk(folder):
        for name in names:
            if name not in REMADE and not name.startswith("records.db-"):
                with open(os.path.join(base, name), "rb") as f:
                    found[os.path.relpath(os.path.join(base, name), folder)] = f.read()
    return found


def unpack(archive, folder):
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data") if hasattr(tarfile, "data_filter") else tar.extractall(folder)
    return os.path.join(folder, "data")


class Upgrade(Case):
    def test_every_version_answers_as_it_did(self):
        self.assertTrue(FIXTURES)
        for archive in FIXTURES:
            with self.subTest(os.path.basename(archive)):
                folder = os.path.join(self.folder, os.path.basename(archive))
                data = unpack(archive, folder)
                with open(re.sub(r"tar\.xz$", "json", archive), encoding="utf-8") as f:
                    expected = json.load(f)
                self.assertEqual(self.done("check", "--json", data=data).json()["damaged"], [])
                self.assertEqual(answers(TENURE, data), expected)
                kept = os.path.join(folder, "kept")
                self.done("backup", kept, data=data)
                self.done("restore", kept, data=folder + "-restored")
                self.assertEqual(answers(TENURE, folder + "-restored"), expected)
                # it takes events, and is a good directory of this version then
                self.done("import", "-", "--format", "events", "--project", "shop", data=data,
                          stdin=json.dumps({"event": "New", "person": "somebody new", "id": "new"}))
                after = answers(TENURE, data)
                self.assertEqual(after["shop"]["events"], expected["shop"]["events"] + 1)
                self.assertEqual(after["small"], expected["small"])
                self.assertEqual(self.done("check", "--json", data=data).json()["damaged"], [])

    def test_the_newest_fixture_is_of_this_version(self):
        """Formats that change without a new fixture would go unnoticed: the independent reader reads it."""
        data = unpack(FIXTURES[-1], self.folder)
        project = Project(os.path.join(data, "projects", "shop"))
        with open(re.sub(r"tar\.xz$", "json", FIXTURES[-1]), encoding="utf-8") as f:
            self.assertEqual(len(project.events), json.load(f)["shop"]["events"])


class Newer(Case):
    def setUp(self):
        super().setUp()
        self.data = unpack(FIXTURES[-1], self.folder)
        self.done("status", data=self.data)  # tables that came since are made now, and not in the tests

    def untouched(self, says, *words):
        before = files_of(self.data)
        for _ in range(2):
            self.refused(FAILED, says, *(words or ("query", '{"insight":"trends"}', "--project", "shop")))
        self.assertEqual(files_of(self.data), before)

    def change(self, name, at, data):
        with open(os.path.join(self.data, name), "r+b") as f:
            f.seek(at)
            f.write(data)

    def test_a_newer_segment(self):
        name = next(n for n in files_of(self.data) if n.endswith(".tns"))
        self.change(name, 8, struct.pack("<I", 2))
        self.untouched("newer Tenure")
        self.assertIn(os.path.basename(name),
                      self.run_tenure("query", '{"insight":"trends"}', "--project", "shop").err)
        self.done("query", '{"insight":"trends","last":"7d","series":[{"event":null}]}', "--project", "small")

    def test_a_newer_manifest_log_people_or_facts_file(self):
        whole = files_of(self.data)
        names = [n for n in whole if n.startswith("projects/shop/") and not n.endswith(".tns") and
                 whole[n][:6] == b"TENURE"]
        self.assertGreaterEqual(len(names), 4)
        for name in names:
            with self.subTest(name):
                head = whole[name][:8] + struct.pack("<I", 2) + whole[name][12:124]
                self.change(name, 0, head + struct.pack("<I", crc32c(0, head)))
                self.untouched("newer Tenure")
                self.change(name, 0, whole[name][:128])
        self.done("status")

    def test_a_newer_layout(self):
        with open(os.path.join(self.data, "tenure.json"), "w", encoding="utf-8") as f:
            f.write('{"layout":2,"made_by":"tenure 9"}')
        self.untouched("layout 2", "status")

    def test_newer_records(self):
        with sqlite3.connect(os.path.join(self.data, "records.db")) as db:
            db.execute("INSERT INTO migration(number) VALUES (999)")
        db.close()
        self.untouched("schema 999", "status")

    def test_a_newer_backup(self):
        kept = os.path.join(self.folder, "kept")
        self.done("backup", kept)
        with open(os.path.join(kept, "backup.json"), "w", encoding="utf-8") as f:
            f.write('{"backup":2}')
        shutil.rmtree(self.data)
        self.refused(FAILED, "newer Tenure", "restore", kept)
        self.assertFalse(os.path.exists(self.data))


if __name__ == "__main__":
    main()
