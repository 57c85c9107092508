#!/usr/bin/env python3
"""Bad input: one clear sentence, the right exit code or status, and the data as it was."""
import json
import os
import shutil
import socket
import subprocess
import unittest

from house import DONE, FAILED, TENURE, WRONG, Case, clean_env, line, main

CSV_MAP = "person=user,event=action,time=at"


class Files(Case):
    def setUp(self):
        super().setUp()
        self.done("import", "-", "--format", "events", stdin=line())

    def tearDown(self):
        self.assertEqual(self.events(), self.expected if hasattr(self, "expected") else 1)

    def test_a_file_that_is_not_there(self):
        self.refused(FAILED, "missing.jsonl", "import", "missing.jsonl")

    def test_a_file_that_may_not_be_read(self):
        path = self.file("secret.jsonl", line())
        user = self.plain_user()
        os.chmod(path, 0)
        self.refused(FAILED, "secret.jsonl", "import", path, user=user)

    def test_a_folder_is_no_file(self):
        self.refused(FAILED, self.folder, "import", self.folder, "--format", "events")

    def test_an_unknown_format(self):
        result = self.refused(WRONG, "xml", "import", self.file("a.jsonl", line()), "--format", "xml")
        self.assertIn("csv", result.err)

    def test_a_wrong_mapping(self):
        path = self.file("a.csv", "user,action,at\nu,B,2026-01-05T00:00:00Z\n")
        self.refused(WRONG, "nobody", "import", path, "--map", "person=nobody,event=action,time=at")
        self.refused(WRONG, "colour", "import", path, "--map", CSV_MAP + ",colour=user")
        self.refused(WRONG, "person", "import", path, "--map", "event=action,time=at")

    def test_an_unknown_time_format(self):
        path = self.file("a.csv", "user,action,at\nu,B,2026-01-05T00:00:00Z\n")
        result = self.refused(WRONG, "stardate", "import", path, "--map", CSV_MAP,
                              "--time-format", "stardate")
        self.assertIn("iso", result.err)

    def test_bad_lines_are_counted_shown_and_written_down(self):
        path = self.file("a.jsonl", "\n".join([
            line("B", "p1"), "{broken", line("B", person=""), json.dumps({"event": "B"}),
            json.dumps({"event": "B", "person": "p", "time": "yesterday"}),
            line("B", "p2", properties={"text": "x" * 40000}), line("B", "p3"), ""]))
        rejects = os.path.join(self.folder, "bad.jsonl")
        result = self.run_tenure("import", path, "--rejects", rejects, "--json")
        self.assertEqual(result.code, DONE, result.err)
        self.assertEqual(result.json()["rejected"], 5)
        for number in (2, 3, 4, 5, 6):
            self.assertRegex(result.err, rf"\b{number}\b")
        self.assertIn("person", result.err)
        self.assertIn("text", result.err)
        with open(rejects, encoding="utf-8") as f:
            self.assertEqual(len([json.loads(row) for row in f]), 5)
        self.expected = 3

    def test_strict_stores_nothing_when_a_line_is_bad(self):
        path = self.file("a.jsonl", line("B", "p1") + "\n{broken\n")
        result = self.run_tenure("import", path, "--strict")
        self.assertEqual(result.code, FAILED, result.err)

    def test_a_dry_run_stores_nothing(self):
        self.done("import", self.file("a.jsonl", line("B", "p1")), "--dry-run")


class Questions(Case):
    def setUp(self):
        super().setUp()
        self.done("import", "-", "--format", "events", stdin=line("Signed Up", "p"))

    def test_wrong_questions_are_refused_with_the_place(self):
        for question, says, at in [
                ("{", "", ""),
                ('{"insight":"trend"}', "trend", "/insight"),
                ('{"insight":"trends","serie":[]}', "serie", "/serie"),
                ('{"insight":"funnel","steps":[{"evnt":"Signed Up"}]}', "evnt", "/steps/0/evnt"),
                ('{"insight":"trends","interval":"fortnight","series":[{"event":null}]}',
                 "fortnight", "/interval"),
                ('{"insight":"trends","timezone":"Mars/Base","series":[{"event":null}]}',
                 "Mars/Base", "/timezone")]:
            result = self.refused(WRONG, says, "query", question)
            if at:
                self.assertIn("at " + at, result.err)

    def test_an_unknown_event_gets_the_nearest_name(self):
        result = self.refused(WRONG, "Signed Upp", "query",
                              '{"insight":"trends","series":[{"event":"Signed Upp"}]}')
        self.assertIn("Signed Up", result.err)

    def test_an_unknown_project(self):
        self.refused(WRONG, 'no project "shop"', "query", '{"insight":"trends"}', "--project", "shop")

    def test_a_question_file_that_is_not_there(self):
        self.refused(FAILED, "none.json", "query", "@none.json")

    def test_two_output_formats(self):
        self.refused(WRONG, "exclude each other", "query", "{}", "--json", "--csv")


class Places(Case):
    def test_the_port_is_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            where = f"127.0.0.1:{taken.getsockname()[1]}"
            result = self.refused(FAILED, f"{where} is in use by another program", "serve",
                                  "--listen", where)
            self.assertIn("--listen", result.err)

    def test_an_address_that_is_none(self):
        self.refused(WRONG, '"here" is not an address', "serve", "--listen", "here")
        self.refused(WRONG, "not an address of a site", "serve", "--public-url", "here")

    def test_a_directory_that_a_silent_process_holds(self):
        self.done("status")
        holder = subprocess.Popen(
            ["python3", "-c", "import fcntl,sys,time\nf=open(sys.argv[1],'r+')\n"
             "fcntl.flock(f,fcntl.LOCK_EX)\nprint('held',flush=True)\ntime.sleep(60)",
             os.path.join(self.data, "lock")], stdout=subprocess.PIPE, text=True)
        try:
            self.assertEqual(holder.stdout.readline(), "held\n")
            result = self.refused(FAILED, f"{self.data} is in use by process", "status")
            self.assertIn("does not answer", result.err)
            self.refused(FAILED, "is in use by", "serve", "--listen", "127.0.0.1:0")
        finally:
            holder.kill()
            holder.communicate()
        self.done("status")

    def test_a_second_server_is_refused(self):
        self.serve()
        self.refused(FAILED, "(tenure serve)", "serve", "--listen", "127.0.0.1:0")

    def test_a_directory_of_a_newer_version_is_not_touched(self):
        self.done("import", "-", "--format", "events", stdin=line())
        with open(os.path.join(self.data, "tenure.json"), "w", encoding="utf-8") as f:
            f.write('{"layout":2,"made_by":"tenure 9.0.0"}\n')
        before = {name: os.stat(os.path.join(folder, name)).st_mtime_ns
                  for folder, _, names in os.walk(self.data) for name in names}
        self.refused(FAILED, "has layout 2; this tenure knows up to 1", "status")
        after = {name: os.stat(os.path.join(folder, name)).st_mtime_ns
                 for folder, _, names in os.walk(self.data) for name in names}
        self.assertEqual(before, after)

    def test_a_folder_with_something_else_in_it(self):
        os.mkdir(self.data)
        self.file("data/holiday.jpg", "x")
        self.refused(FAILED, "is not a Tenure data directory: it holds holiday.jpg", "status")
        self.assertEqual(os.listdir(self.data), ["holiday.jpg"])

    def test_a_file_in_place_of_the_directory(self):
        self.file("data", "x")
        self.refused(FAILED, self.data, "status")

    def test_a_damaged_mark(self):
        self.done("status")
        self.file("data/tenure.json", "{")
        self.refused(FAILED, "tenure.json is damaged", "status")

    def test_a_directory_that_may_not_be_written_to(self):
        os.mkdir(self.data)
        user = self.plain_user()
        os.chmod(self.data, 0o500)
        self.refused(FAILED, "is not a Tenure data directory", "status", user=user)
        self.assertEqual(os.listdir(self.data), [])

    def test_a_directory_of_another_user(self):
        user = self.plain_user()
        if user is None:
            self.skipTest("needs a second user")
        self.done("status")
        self.refused(FAILED, "may not be read by this user", "status", user=user)

    def test_a_parent_that_is_not_there(self):
        self.refused(FAILED, "no/such", "status", "--data", os.path.join(self.folder, "no/such/dir"))


def can_mount():
    return os.geteuid() == 0 and shutil.which("mount") and subprocess.run(
        ["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0


@unittest.skipUnless(can_mount(), "a small file system needs the right to mount one")
class FullDisk(Case):
    """The data directory lies on a file system of 6 MiB, seen only by the commands run in it."""

    def setUp(self):
        super().setUp()
        os.mkdir(self.data)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m,mode=0700", "tenure-test",
                                  self.data], capture_output=True, check=False)
        if mounted.returncode:
            self.skipTest("mounting is not allowed here")
        self.addCleanup(subprocess.run, ["umount", "-l", self.data], check=False)

    def test_an_import_says_so_and_keeps_what_was_there(self):
        self.done("import", "-", "--format", "events", stdin=line())
        rows = "\n".join(line("B", f"person number {n}", properties={"text": f"{n:0200d}"})
                         for n in range(60000))
        path = self.file("big.jsonl", rows)
        result = self.run_tenure("import", path)
        self.assertEqual(result.code, FAILED, result.out + result.err)
        self.assertIn("space", result.err)
        os.remove(path)
        counted = self.run_tenure("status", "--json")
        self.assertEqual(counted.code, DONE, counted.err)
        self.assertGreaterEqual(counted.json()["projects"][0]["events"], 1)

    def test_http_answers_507_and_goes_on_reading(self):
        key, _ = self.project()
        server = self.serve()
        filler = os.path.join(self.data, "filler")
        self.assertEqual(server.send(key, {"events": [{"event": "A", "person": "p"}]}).status, 200)
        try:
            with open(filler, "wb", buffering=0) as f:
                while f.write(b"x" * 4096):
                    pass
        except OSError:
            pass  # full: the log may have reserved the rest already
        status = 200
        for n in range(2000):
            reply = server.send(key, {"events": [{"event": "A", "person": f"p{n}", "properties": {
                "text": "x" * 20000}} for _ in range(20)]})
            status = reply.status
            if status != 200:
                break
        self.assertEqual(status, 507, reply.body)
        self.assertIn("retry-after", reply.headers)
        self.assertEqual(server.get("/healthz").status, 200)
        self.assertEqual(server.stop()[0], 0)


if __name__ == "__main__":
    main()
