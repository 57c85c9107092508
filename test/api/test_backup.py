#!/usr/bin/env python3
"""Backup, restore and check as people call them."""
import json
import os
import shutil
import threading

from house import DONE, FAILED, Case, line, main

QUESTION = json.dumps({"insight": "trends", "from": "2026-01-01", "to": "2026-02-01",
                       "series": [{"event": "A"}], "interval": "month"})


def files_of(folder):
    found = {}
    for base, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(base, name)
            with open(path, "rb") as f:
                found[os.path.relpath(path, folder)] = f.read()
    return found


class Base(Case):
    def setUp(self):
        super().setUp()
        self.backup = os.path.join(self.folder, "backup")
        self.other = os.path.join(self.folder, "other")

    def fill(self, count=50, project="main"):
        self.done("import", "-", "--format", "events", "--project", project,
                  stdin="\n".join(line("A", f"p{n % 7}", id=f"{project}-{n}") for n in range(count)))

    def answers(self, data=None):
        state = self.done("status", "--json", data=data).json()["projects"]
        return [(p["project"], p["events"], p["people"],
                 self.done("query", QUESTION, "--csv", "--project", p["project"], data=data).out)
                for p in state]

    def seal(self):
        """More events than stay in the log: a few segments."""
        self.done("import", "-", "--format", "events", timeout=120, stdin="\n".join(
            line("A", f"p{n % 50}", id=f"s{n}", properties={"n": n}) for n in range(300000)))


class Backup(Base):
    def test_a_restored_backup_answers_as_before(self):
        write_key, _ = self.project()
        self.fill(50)
        self.fill(30, "shop")
        made = self.done("backup", self.backup, "--json").json()
        self.assertEqual({p["project"] for p in made["projects"]}, {"main", "shop"})
        self.assertFalse(os.path.exists(self.backup + ".partial"))
        before = self.answers()
        self.fill(60)  # what comes later is not in it
        restored = self.done("restore", self.backup, data=self.other)
        self.assertIn("Restored into", restored.out)
        self.assertEqual(self.answers(self.other), before)
        server = self.serve(data=self.other)  # keys are the same
        again = json.loads(line("A", "p1", id="shop-1"))
        self.assertEqual(server.send(write_key, {"events": [again]}).json()["duplicates"], 1)

    def test_while_a_server_writes(self):
        key, _ = self.project()
        server = self.serve()
        acknowledged, over = [0], threading.Event()

        def write():
            for n in range(100000):
                if over.is_set():
                    return
                body = {"events": [{"event": "A", "person": f"p{k}", "id": f"{n}-{k}"} for k in range(5)]}
                if server.send(key, body).status == 200:
                    acknowledged[0] += 5

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for round_number in range(3):
                least = acknowledged[0]
                folder = f"{self.backup}-{round_number}"
                self.done("backup", folder)
                other = f"{self.other}-{round_number}"
                self.done("restore", folder, data=other)
                held = self.done("status", "--json", data=other).json()["projects"][0]["events"]
                self.assertGreaterEqual(held, least)
                self.assertEqual(held % 5, 0)
        finally:
            over.set()
            writer.join()

    def test_it_is_never_half(self):
        self.fill()
        self.done("backup", self.backup)
        self.refused(FAILED, "holds something already", "backup", self.backup)
        self.refused(2, "inside the data directory", "backup", os.path.join(self.data, "b"))
        shutil.copytree(self.backup, self.backup + "2.partial")
        self.refused(FAILED, "is in the way", "backup", self.backup + "2")
        with open(self.backup + "2.partial/partial", "w", encoding="utf-8") as f:
            f.write("left by a run that was cut short\n")
        self.done("backup", self.backup + "2")
        os.mkdir(self.backup + "3")
        self.done("backup", self.backup + "3/")  # an empty folder is taken
        self.refused(FAILED, "no/where", "backup", os.path.join(self.folder, "no/where"))

    def test_restoring_overwrites_nothing(self):
        self.fill()
        self.done("backup", self.backup)
        self.fill(80)
        before = files_of(self.data)
        self.refused(FAILED, "is not empty", "restore", self.backup)
        self.assertEqual(files_of(self.data), before)
        server = self.serve()
        self.refused(FAILED, "is in use", "restore", self.backup, "--replace")
        server.stop()
        aside = self.done("restore", self.backup, "--replace", "--json").json()["put_aside"]
        self.assertEqual(self.events(), 50)
        self.assertEqual(self.done("status", "--json", data=aside).json()["projects"][0]["events"], 80)

    def test_a_damaged_or_partial_backup_is_refused_by_name(self):
        self.fill()
        self.done("backup", self.backup)
        for name, whole in files_of(self.backup).items():
            path = os.path.join(self.backup, name)
            for what, bytes_now in (("flipped", whole[:-1] + bytes([whole[-1] ^ 1])),
                                    ("cut", whole[:-1]), ("grown", whole + b"\0"), ("gone", None)):
                with self.subTest(name=name, what=what):
                    if bytes_now is None:
                        os.remove(path)
                    else:
                        with open(path, "wb") as f:
                            f.write(bytes_now)
                    self.refused(FAILED, name, "restore", self.backup, data=self.other)
                    self.assertFalse(os.path.exists(self.other))
                    self.assertFalse(os.path.exists(self.other + ".partial"))
            with open(path, "wb") as f:
                f.write(whole)
        self.done("restore", self.backup, data=self.other)

    def test_who_was_erased_does_not_come_back(self):
        if "erase" not in self.run_tenure("help", data=False).out:
            self.skipTest("this build cannot erase")
        self.fill(49)
        ids = os.path.join(self.folder, "ids.txt")
        with open(ids, "w", encoding="utf-8") as f:
            f.write("p3\np4\n")
        self.done("segment", "import", "Picked", ids)
        self.done("backup", self.backup)
        self.done("erase", "--person", "p3")
        later = self.backup + "-later"
        self.done("backup", later)
        self.assertEqual(self.events(), 42)

        def held(data):
            return self.done("status", "--json", data=data).json()["projects"][0]["events"]

        self.done("restore", self.backup, data=self.other)
        self.assertEqual(held(self.other), 49)  # nobody said that they were erased
        lists = os.path.join(self.folder, "lists")  # the list alone, as it is kept elsewhere
        os.makedirs(os.path.join(lists, "projects/main"))
        shutil.copy(os.path.join(self.data, "projects/main/erased"), os.path.join(lists, "projects/main"))
        for n, knows in enumerate((self.data, later, lists)):
            data = f"{self.other}-{n}"
            restored = self.done("restore", self.backup, "--erasures", knows, "--json", data=data).json()
            self.assertEqual(restored["erased_again"], 1)
            self.assertEqual(held(data), 42)
            for name, content in files_of(data).items():
                self.assertFalse(b"p3" in content, name)
            picked = self.done("segment", "list", "--json", data=data).json()["segments"][0]
            self.assertEqual(picked["count"], 1)
            self.assertEqual(self.done("check", "--json", data=data).json()["damaged"], [])
        restored = self.done("restore", self.backup, "--replace")
        self.assertIn("1 ids that were erased since", restored.out)
        self.assertEqual(self.events(), 42)
        self.refused(FAILED, "is not there", "restore", later, "--erasures", self.folder + "/none",
                     data=self.other + "-3")

    def test_a_backup_is_not_opened_as_a_data_directory(self):
        self.fill()
        self.done("backup", self.backup)
        before = files_of(self.backup)
        self.refused(FAILED, "is a backup", "status", data=self.backup)
        self.assertEqual(files_of(self.backup), before)
        self.refused(FAILED, "not a whole backup", "restore", self.data, data=self.other)


class Check(Base):
    def test_nothing_is_damaged(self):
        self.fill()
        self.fill(10, "shop")
        self.project("empty")
        closed = self.done("check", "--json").json()
        self.assertEqual(closed["damaged"], [])
        self.assertEqual([p["project"] for p in closed["projects"]], ["main", "shop"])
        said = self.done("check").out
        self.assertIn("Nothing is damaged", said)
        self.assertIn("0 events in 0 segments, 60 in the log", said)
        self.assertEqual([p["events_in_log"] for p in closed["projects"]], [50, 10])
        server = self.serve()
        served = self.done("check", "--json").json()
        self.assertEqual(served["damaged"], [])
        self.assertEqual(len(served["projects"]), 2)
        self.done("backup", self.backup)
        before = files_of(self.backup)
        of_backup = self.done("check", self.backup, "--json", data=False).json()
        self.assertEqual(of_backup["damaged"], [])
        self.assertEqual(files_of(self.backup), before)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "tenure-data")))
        server.stop()

    def flip(self, path, at):
        with open(path, "r+b") as f:
            f.seek(at)
            byte = f.read(1)[0]
            f.seek(at)
            f.write(bytes([byte ^ 4]))

    def test_damage_is_named_and_others_go_on(self):
        self.seal()
        self.fill(10, "shop")
        self.done("backup", self.backup)
        (name,) = [n for n in files_of(self.data) if n.endswith(".tns")]
        path = os.path.join(self.data, name)
        self.flip(path, 4096)
        result = self.run_tenure("check", "--json")
        self.assertEqual(result.code, FAILED)
        (damage,) = result.json()["damaged"]
        self.assertEqual(damage["file"], name)
        self.assertRegex(damage["damage"], "column|block|directory|person")
        self.assertIn("1 finding", result.err)
        self.serve()
        served = self.run_tenure("check")
        self.assertEqual(served.code, FAILED)
        self.assertIn("damaged: " + name, served.out)
        asked = self.refused(FAILED, os.path.basename(name), "query", QUESTION)
        self.assertNotIn("Traceback", asked.err)
        self.done("query", QUESTION, "--project", "shop")  # others go on
        self.fill(20, "shop")
        # and so does the damaged one for what is not damaged: it takes events
        self.fill(5)
        self.done("check", self.backup, data=False)
        self.flip(os.path.join(self.backup, name), 4096)
        bad = self.run_tenure("check", self.backup, "--json", data=False)
        self.assertEqual(bad.code, FAILED)
        self.assertEqual({d["file"] for d in bad.json()["damaged"]}, {name})

    def test_damage_that_keeps_a_project_from_opening(self):
        self.fill()
        self.fill(10, "shop")
        self.serve()
        self.done("query", QUESTION, "--project", "shop")
        self.flip(os.path.join(self.data, "projects/main/wal-0000000001"), 140)
        result = self.run_tenure("check", "--json")
        self.assertEqual(result.code, FAILED)
        self.assertEqual({d["file"] for d in result.json()["damaged"]},
                         {"projects/main/wal-0000000001"})
        self.refused(FAILED, "wal-0000000001", "query", QUESTION)
        self.done("query", QUESTION, "--project", "shop")

    def test_a_missing_project_and_an_unknown_one(self):
        self.fill()
        self.fill(10, "shop")
        os.rename(os.path.join(self.data, "projects/shop/manifest"),
                  os.path.join(self.data, "projects/shop/gone"))
        os.mkdir(os.path.join(self.data, "projects/stranger"))
        result = self.run_tenure("check", "--json")
        self.assertEqual({d["file"] for d in result.json()["damaged"]},
                         {"projects/shop", "projects/stranger"})
        self.refused(FAILED, "not a whole backup", "check", self.data, data=False)


if __name__ == "__main__":
    main()
