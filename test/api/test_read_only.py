#!/usr/bin/env python3
"""Reading only: on request, and where the directory cannot be written to. Nothing on the disk changes."""
import hashlib
import json
import os
import subprocess
import unittest

from house import Case, DONE, FAILED, line

QUESTION = json.dumps({"insight": "trends", "series": [{"event": "A"}], "from": "2026-01-01",
                       "to": "2026-01-10", "interval": "day", "timezone": "UTC"})


def everything(folder):
    """Each path below: its mode, its time of change and what it holds."""
    found = {}
    for at, folders, names in os.walk(folder):
        for name in folders + names + ["."]:
            path = os.path.join(at, name)
            facts = os.lstat(path)
            content = None
            if os.path.isfile(path):
                with open(path, "rb") as f:
                    content = hashlib.sha256(f.read()).hexdigest()
            found[os.path.relpath(path, folder)] = (facts.st_mode, facts.st_mtime_ns, facts.st_ctime_ns,
                                                    facts.st_ino, content)
    return found


class Base(Case):
    def fill(self, count=30):
        lines = [line("A", f"p{i % 5}", id=f"e{i}") for i in range(count)]
        self.done("import", self.file("events.jsonl", "\n".join(lines)))
        self.done("people", "merge", "p1", "p2")

    def total(self, answer):
        return sum(sum(v or 0 for v in s["values"]) for s in answer["series"])


class Serve(Base):
    def test_it_answers_and_changes_nothing(self):
        keys = self.project()
        self.project("empty")
        self.fill()
        key = self.done("key", "create", "--scope", "admin", "--json").json()["key"]
        write = self.done("key", "create", "--scope", "write", "--json").json()["key"]
        before = everything(self.data)
        server = self.serve("--read-only")
        cookie = server.sign_in()
        asked = server.send(key, QUESTION, "/api/v1/projects/main/query")
        self.assertEqual(asked.status, 200, asked.body)
        self.assertEqual(self.total(asked.json()), 30)
        asked = server.send(keys[1], QUESTION, "/api/v1/projects/shop/query")  # took no event yet
        self.assertEqual((asked.status, self.total(asked.json())), (200, 0))
        me = server.get("/api/v1/me", Cookie=cookie)
        self.assertEqual({p["name"]: p["events"] for p in me.json()["projects"]},
                         {"empty": 0, "main": 30, "shop": 0})
        said = set()
        sent = {"events": [json.loads(line("A", "p", id="new"))]}
        routes = server.get("/openapi.json").json()["paths"]
        posts = [p for p, methods in routes.items() if "post" in methods and "{" not in p and
                 p != "/api/v1/signout"]
        self.assertGreater(len(posts), 10)
        for path in posts:
            reply = server.send(write, sent, path)
            self.assertEqual(reply.status, 503, path)
            self.assertIn("retry-after", reply.headers)
            self.assertEqual(reply.error()["code"], "server.read_only")
            said.add(reply.error()["message"])
        headers = {"Authorization": "Bearer " + key}
        reply = server.request("DELETE", "/api/v1/projects/main/people/p1", None, headers)
        self.assertEqual(reply.status, 503)
        said.add(reply.error()["message"])
        reply = server.get("/readyz")
        self.assertEqual(reply.status, 503)
        said.add(reply.error()["message"])
        self.assertEqual(said, {"this server was started read-only and takes no changes"})
        self.assertEqual(server.send("tw_00000000_" + "x" * 43, sent).status, 401)  # first who asks
        self.assertEqual(server.get("/healthz").status, 200)
        # commands that read work beside it, others are told
        self.assertEqual(self.total(self.done("query", QUESTION, "--json").json()), 30)
        self.done("check")
        self.refused(FAILED, "a tenure that only reads it", "project", "create", "late")
        second = self.serve("--read-only")
        self.assertEqual(second.get("/healthz").status, 200)
        out = server.request("POST", "/api/v1/signout", "{}", {"Cookie": cookie,
                             "Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"})
        self.assertEqual(out.status, 200, out.body)
        self.assertEqual(server.get("/api/v1/me", Cookie=cookie).status, 401)
        self.assertEqual(server.stop()[0], DONE)
        self.assertEqual(second.stop()[0], DONE)
        self.assertEqual(everything(self.data), before)
        self.assertEqual(self.serve().send(write, sent).status, 200)  # and afterwards all is as ever

    def test_what_a_killed_server_left_is_there(self):
        self.fill()
        server = self.serve()
        write, secret = self.project("late")  # is only in the log of the records
        taken = [json.loads(line("A", "p", id=f"k{i}")) for i in range(7)]
        self.assertEqual(server.send(write, {"events": taken}).status, 200)
        server.kill()
        self.assertTrue(os.path.getsize(os.path.join(self.data, "records.db-wal")))
        before = everything(self.data)
        server = self.serve("--read-only")
        asked = server.send(secret, QUESTION, "/api/v1/projects/late/query")
        self.assertEqual((asked.status, self.total(asked.json())), (200, 7))
        server.stop()
        self.assertEqual(everything(self.data), before)

    def test_what_is_not_there_is_not_made(self):
        self.refused(FAILED, "no data directory", "serve", "--read-only")
        self.assertFalse(os.path.exists(self.data))
        os.mkdir(self.data)
        self.refused(FAILED, "not a Tenure data directory", "serve", "--read-only")
        self.assertEqual(os.listdir(self.data), [])

    def test_beside_a_server_that_writes(self):
        self.fill()
        self.serve()
        self.refused(FAILED, "is in use by process", "serve", "--read-only")


class Unwritable(Base):
    """The commands that read need no switch."""

    def reads(self, user=None):
        before = everything(self.data)
        self.assertEqual(self.total(self.done("query", QUESTION, "--json", user=user).json()), 30)
        self.assertEqual(len(self.done("export", user=user).out.splitlines()) >= 30, True)
        self.assertEqual(self.done("check", "--json", user=user).json()["damaged"], [])
        self.done("people", "identity", "p2", user=user)
        self.done("status", user=user)
        self.done("key", "list", user=user)
        copy = os.path.join(self.folder, "copy")
        self.done("backup", copy, user=user)
        self.refused(FAILED, "may not be written to", "project", "create", "x", user=user)
        self.refused(FAILED, "may not be written to", "erase", "--person", "p1", user=user)
        self.refused(FAILED, "may not be written to", "import", self.folder + "/events.jsonl", user=user)
        self.assertEqual(everything(self.data), before)
        other = os.path.join(self.folder, "other")
        self.done("restore", copy, data=other, user=user)
        self.assertEqual(self.total(self.done("query", QUESTION, "--json", data=other, user=user).json()), 30)

    def test_a_directory_without_write_rights(self):
        self.project("empty")
        self.fill()
        user = self.plain_user()
        for at, folders, names in os.walk(self.data):
            for name in folders + names:
                path = os.path.join(at, name)
                os.chmod(path, 0o500 if os.path.isdir(path) else 0o400)
        os.chmod(self.data, 0o500)
        self.addCleanup(subprocess.run, ["chmod", "-R", "u+w", self.folder], check=False)
        self.reads(user)

    def test_a_read_only_medium(self):
        self.project("empty")
        self.fill()
        real = self.data
        self.data = os.path.join(self.folder, "mounted")
        os.mkdir(self.data)
        for options in (["--bind", real, self.data], ["-o", "remount,bind,ro", self.data]):
            done = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
            if done.returncode:
                self.skipTest("mounting is not allowed here: " + done.stderr.strip())
            if options[0] == "--bind":
                self.addCleanup(subprocess.run, ["umount", "-l", self.data], check=False)
        self.reads()
        server = self.serve("--read-only")
        cookie = server.sign_in()
        self.assertEqual(server.get("/api/v1/me", Cookie=cookie).status, 200)
        self.done("check", "--json")
        server.stop()
        # A server that writes through the other name is asked as ever.
        writing = self.serve(data=real)
        self.assertEqual(self.total(self.done("query", QUESTION, "--json").json()), 30)
        writing.stop()


if __name__ == "__main__":
    unittest.main()
