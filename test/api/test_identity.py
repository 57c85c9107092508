#!/usr/bin/env python3
"""Who is one person: merging over HTTP, by import and by command, who, when and why; undoing; ids that
are refused; counts that are kept."""
import json
import os
import urllib.parse

from house import DONE, FAILED, WRONG, Case, Server, main

UNIQUES = {"insight": "trends", "series": [{"event": "Seen", "math": "people"}], "last": "1y",
           "interval": "year"}


class Identity(Case):
    def setUp(self):
        super().setUp()
        keys = self.run_tenure("project", "create", "main", "--timezone", "Asia/Bangkok",
                               "--json").json()
        self.write, self.secret = keys["write_key"], keys["secret_key"]
        self.server = Server(self.data)
        self.addCleanup(self.server.close)

    def send(self, *records, path="/api/v1/events"):
        body = records[0] if path != "/api/v1/events" else {"events": list(records)}
        return self.server.send(self.write, body, path)

    def ask(self, person, **arguments):
        path = f"/api/v1/projects/main/people/{urllib.parse.quote(person, safe='')}/identity"
        if arguments:
            path += "?" + urllib.parse.urlencode(arguments)
        return self.server.get(path, Authorization="Bearer " + self.secret)

    def people(self):
        """How many people saw something, by the answer of a question."""
        done = self.run_tenure("query", json.dumps(UNIQUES), "--json")
        self.assertEqual(done.code, DONE, done.err)
        return sum(sum(s["values"]) for s in done.json()["series"])

    def test_answers_follow_at_once_and_an_unmerge_undoes_exactly_one(self):
        for who in ("ann", "bob", "device"):
            self.send({"event": "Seen", "person": who, "id": "seen-" + who})
        self.assertEqual(self.people(), 3)
        self.assertEqual(self.send({"person": "ann", "merge": ["device"], "reason": "signed in"})
                         .json(), {"accepted": 1, "duplicates": 0})
        self.assertEqual(self.people(), 2)
        self.send({"type": "identify", "userId": "bob", "anonymousId": "device"}, path="/v1/identify")
        self.assertEqual(self.people(), 2)
        self.assertEqual(self.ask("device").json()["person"], "bob")
        done = self.run_tenure("people", "unmerge", "bob", "device", "--reason", "a shared tablet")
        self.assertEqual((done.code, done.out), (DONE, "1 changed, 0 were so already\n"))
        got = self.ask("device").json()
        self.assertEqual((got["person"], got["ids"], got["as_of"]), ("ann", ["ann", "device"], None))
        self.assertEqual([(c["change"], c["person"], c["other"], c["reason"], c.get("standing"))
                          for c in got["changes"]],
                         [("merge", "ann", "device", "signed in", "stands"),
                          ("merge", "bob", "device", "identify", "undone"),
                          ("unmerge", "bob", "device", "a shared tablet", None)])
        self.assertEqual(got["changes"][0]["by"], "key " + self.write[:11])
        self.assertEqual(got["changes"][2]["by"], "tenure people")
        self.assertEqual(self.people(), 2)
        again = self.run_tenure("people", "unmerge", "bob", "device", "--json").json()
        self.assertEqual(again, {"changed": 0, "unchanged": 1})
        self.assertEqual(self.run_tenure("people", "unmerge", "ann", "device", "--json").json(),
                         {"changed": 1, "unchanged": 0})
        self.assertEqual(self.people(), 3)

    def test_the_history_survives_and_is_replayed_to_a_date(self):
        with open(os.path.join(self.folder, "who.jsonl"), "w") as f:
            f.write('{"person":"ann","merge":["a/b ไทย"],"reason":"the old shop"}\n')
        self.assertEqual(self.run_tenure("import", "who.jsonl").code, DONE)
        for turn in range(2):
            got = self.ask("a/b ไทย").json()
            self.assertEqual(got["ids"], ["ann", "a/b ไทย"])
            self.assertEqual(got["changes"][0]["by"], "import who.jsonl")
            before = self.ask("a/b ไทย", at="2026-01-01").json()
            self.assertEqual(before["ids"], ["a/b ไทย"])
            self.assertEqual(before["as_of"], "2026-01-01T16:59:59.999Z") # the day ends in Bangkok
            self.assertEqual(before["changes"], [])
            moment = got["changes"][0]["at"]
            self.assertEqual(len(self.ask("ann", at=moment).json()["ids"]), 2)
            self.server.kill()
            self.server = Server(self.data)
            self.addCleanup(self.server.close)
        self.assertEqual(self.ask("nobody").status, 404)
        self.assertEqual(self.ask("nobody").error()["code"], "person.unknown")
        self.assertEqual(self.ask("ann", at="yesterday").status, 400)
        self.assertEqual(self.server.get("/api/v1/projects/main/people/ann/identity").status, 401)

    def test_the_command_shows_it(self):
        self.send({"person": "ann", "merge": ["d1", "d2"], "reason": "line\u001b[31m one"})
        self.run_tenure("people", "unmerge", "ann", "d2")
        done = self.run_tenure("people", "identity", "d1")
        self.assertEqual(done.code, DONE)
        self.assertIn("ann: 2 ids are this person\n  ann\n  d1\n", done.out)
        self.assertIn("ann <- d1  by key " + self.write[:11] + ": line?[31m one\n", done.out)
        self.assertIn("ann <- d2", done.out)
        self.assertIn("[undone]", done.out)
        self.assertIn("unmerge ann -x d2  by tenure people\n", done.out)
        self.assertEqual(self.run_tenure("people", "identity", "d1", "--json").json(),
                         self.ask("d1").json())
        self.refused(FAILED, "nobody has the id", "people", "identity", "zz")
        self.refused(WRONG, "people merge needs", "people", "merge", "ann")

    def test_ids_that_broken_pages_send_are_refused_by_name(self):
        for bad in ("undefined", "NULL", "[object Object]", "0", "anonymous", "Guest", "nil", "None",
                    "NaN", "true", "false", "distinct_id", " ", "\"null\""):
            for record, at in (({"person": bad, "merge": ["x"]}, "/events/0/person"),
                               ({"person": "x", "merge": ["y", bad]}, "/events/0/merge/1")):
                reply = self.send(record)
                self.assertEqual(reply.status, 400, bad)
                self.assertEqual(reply.error()["at"], at)
                if bad != " ":
                    self.assertEqual(reply.error()["code"], "identity.illegal_id")
            self.refused(FAILED, "", "people", "merge", "x", bad)
        self.assertEqual(self.ask("x").status, 404) # nothing of it was kept
        reply = self.send({"person": "x", "merge": ["y"], "reason": "r" * 1001})
        self.assertEqual((reply.status, reply.error()["at"]), (400, "/events/0/reason"))
        self.assertEqual(self.send({"person": "x", "merge": ["y"], "reason": "r" * 1000}).status, 200)
        reply = self.send({"person": "x", "merge": ["z"], "by": "the boss"})
        self.assertEqual((reply.status, reply.error()["at"]), (400, "/events/0/by"))

    def test_the_same_id_with_another_body_is_reported_and_the_first_kept(self):
        self.send({"event": "Seen", "person": "ann", "id": "1"})
        reply = self.send({"event": "Seen", "person": "bob", "id": "1"})
        self.assertEqual(reply.json(), {"accepted": 0, "duplicates": 1, "conflicts": 1})
        self.assertEqual(self.people(), 1)
        self.assertIn("tenure_events_conflict_total 1\n", self.server.get("/metrics").body.decode())


if __name__ == "__main__":
    main()
