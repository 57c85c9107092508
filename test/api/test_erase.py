#!/usr/bin/env python3
"""Erasing a person and exporting: the commands, the routes, restored backups."""
import json
import os

from house import FAILED, WRONG, Case, line, main


class Erase(Case):
    def world(self):
        """Two people; one of them everywhere under the word "canary"."""
        lines = []
        for n in range(30):
            lines.append(json.dumps({
                "event": "Opened", "person": "canary-1" if n % 2 else "bob", "id": f"id{n}",
                "time": f"2026-01-{n % 28 + 1:02}T09:15:00+07:00",
                "properties": {"mail": f"canary{n}@example.com"} if n % 2 else {"plan": "pro"}}))
        lines.append(json.dumps({"person": "canary-1", "merge": ["canary-phone"], "reason": "canary login"}))
        lines.append(json.dumps({"person": "canary-1", "traits": {"email": "canary@example.com"},
                                 "created": "2025-12-01T00:00:00Z"}))
        self.file("all.jsonl", "\n".join(lines))
        self.done("import", "all.jsonl")

    def raw(self, word, folder=None):
        """Files that hold the word."""
        found = []
        for at, _, names in os.walk(folder or os.path.join(self.data, "projects")):
            for name in names:
                with open(os.path.join(at, name), "rb") as f:
                    if word.encode() in f.read():
                        found.append(name)
        return found

    def test_receipt_and_raw_files(self):
        self.world()
        self.assertTrue(self.raw("canary"))
        receipt = self.done("erase", "--person", "canary-phone", "--now", "--json").json()
        self.assertTrue(receipt["known"])
        self.assertEqual((receipt["ids"], receipt["events"], receipt["traits"], receipt["merges"]),
                         (2, 15, 1, 1))
        self.assertEqual(len(receipt["receipt"]), 32)
        self.assertIn("at", receipt["rewritten"])
        self.assertEqual(self.raw("canary"), [])
        self.assertEqual(self.events(), 15)
        self.assertNotIn("canary", self.done("export").out)
        again = self.done("erase", "--person", "canary-1", "--json").json()
        self.assertEqual((again["known"], again["events"], again["rewritten"]), (False, 0, None))
        self.assertIn("Nobody had this id", self.done("erase", "--person", "nobody").out)

    def test_the_receipt_counts_in_words(self):
        self.done("import", "-", "--format", "events",
                  stdin=json.dumps({"event": "Once", "person": "one", "id": "1", "time": 1767225600000}))
        text = self.done("erase", "--person", "one").out
        self.assertIn("Erased: 1 id, 1 event, 0 traits, 0 merges.\n", text)
        self.world()
        text = self.done("erase", "--person", "canary-1", "--now").out
        self.assertIn("Erased: 2 ids, 15 events, 1 trait, 1 merge.\n", text)

    def test_what_is_wrong_is_said(self):
        self.refused(WRONG, "--person ID", "erase")
        self.world()
        self.refused(FAILED, "", "export", "--person", "nobody")
        self.refused(WRONG, "no project", "erase", "--person", "x", "--project", "nothing")

    def test_export_comes_back(self):
        self.world()
        self.done("export", "--output", "out.jsonl")
        again = self.done("import", "out.jsonl", "--json").json()
        self.assertEqual((again["new"], again["conflicts"], again["rejected"]), (0, 0, 0))
        part = self.done("export", "--from", "2026-01-10", "--to", "2026-01-12").out.splitlines()
        self.assertEqual(len(part), 2)
        person = [json.loads(x) for x in self.done("export", "--person", "canary-phone").out.splitlines()]
        self.assertEqual(sum("event" in x for x in person), 15)
        merge = next(x for x in person if "merge" in x)
        self.assertEqual(merge["reason"], "canary login")
        self.assertTrue(merge["at"] and merge["by"])
        self.assertEqual(next(x for x in person if "traits" in x)["created"], "2025-12-01T00:00:00Z")

    def test_export_erase_nothing_left(self):
        """P37: what an export of the person says is all that goes; the rest of the export stays."""
        self.world()
        before = set(self.done("export").out.splitlines())
        person = self.done("export", "--person", "canary-1").out
        self.done("erase", "--person", "canary-1", "--now")
        after = set(self.done("export").out.splitlines())
        gone = {x for x in before - after if '"event"' in x}
        self.assertEqual(gone, {x for x in person.splitlines() if '"event"' in x})
        self.assertEqual(after - before, set())
        self.refused(FAILED, "", "export", "--person", "canary-1")

    def test_over_http(self):
        server = self.serve()
        write, secret = self.project()
        path = "/api/v1/projects/shop/people/a%20b%2Fc"
        events = [{"event": "A", "person": "a b/c"}, {"event": "A", "person": "other"}]
        self.assertEqual(server.send(write, {"events": events}).status, 200)
        key = {"Authorization": "Bearer " + secret}
        reply = server.request("GET", path + "/export", None, key)
        self.assertEqual(reply.status, 200)
        self.assertEqual(json.loads(reply.body)["person"], "a b/c")
        read = self.done("key", "create", "--scope", "read", "--project", "shop", "--json").json()["key"]
        self.assertEqual(server.request("DELETE", path, None, {"Authorization": "Bearer " + read}).status, 403)
        self.assertEqual(server.request("DELETE", path).status, 401)
        reply = server.request("DELETE", path + "?now=true", None, key)
        self.assertEqual(reply.status, 200, reply.body)
        self.assertEqual(reply.json()["events"], 1)
        self.assertEqual(self.raw("a b/c"), [])
        self.assertEqual(server.request("GET", path + "/export", None, key).status, 404)
        self.assertEqual(self.events("shop"), 1)

    def test_an_older_backup_is_cleared(self):
        self.world()
        backup = os.path.join(self.folder, "backup")
        self.done("backup", backup)
        self.done("erase", "--person", "canary-1", "--now")
        self.file("new.jsonl", line("Opened", "canary-1"))
        self.done("import", "new.jsonl")  # somebody new; not in the backup
        self.done("restore", backup, "--replace")
        self.assertEqual(self.events(), 15)
        self.assertEqual(self.raw("canary"), [])


if __name__ == "__main__":
    main()
