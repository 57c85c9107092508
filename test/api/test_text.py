#!/usr/bin/env python3
"""Questions in words: on the command line, over HTTP, and what --explain says."""
import json
import os
import re

from house import DONE, ROOT, WRONG, Case, main

LINE = ("trend people of A where plan = pro daily"
        " from 2026-03-01 to 2026-03-04 as of 2026-04-01")
ASKED = {"insight": "trends", "series": [{"math": "people", "event": "A"}],
         "filter": [{"property": "plan", "is": "pro"}], "interval": "day",
         "from": "2026-03-01", "to": "2026-03-04", "as_of": "2026-04-01"}
PATH = "/api/v1/projects/main/query"


class Text(Case):
    def setUp(self):
        super().setUp()
        events = "".join(
            json.dumps({"id": f"{i}", "event": "A", "person": f"p{i % 3}",
                        "time": f"2026-03-0{1 + i % 4}T10:00:00Z",
                        "properties": {"plan": "pro" if i % 2 else "free"}}) + "\n" for i in range(24))
        self.done("import", "-", "--format", "events", stdin=events)

    def test_a_line_has_the_numbers_of_its_json(self):
        said = self.run_tenure("query", LINE, "--json").json()
        asked = self.run_tenure("query", json.dumps(ASKED), "--json").json()
        self.assertEqual(said.pop("question"), ASKED)
        self.assertEqual(said, asked)
        self.assertEqual(sum(said["series"][0]["values"]), 6)
        shown = self.run_tenure("query", LINE)
        self.assertEqual((shown.code, self.run_tenure("query", "-", stdin=LINE + "\n").out),
                         (DONE, shown.out))

    def test_the_help_shows_five_examples(self):
        shown = self.run_tenure("query", "--help", data=False).out
        self.assertEqual(shown.count("  tenure query '"), 5)

    def test_the_examples_of_the_manual_can_be_read(self):
        with open(os.path.join(ROOT, "docs", "query-text.md"), encoding="utf-8") as manual:
            lines = re.findall(r"^\d+\. `(.+)`$", manual.read(), re.M)
        self.assertGreaterEqual(len(lines), 20)
        for words in lines:
            result = self.run_tenure("query", words, "--json")
            self.assertIn(result.code, (DONE, WRONG))
            if result.code == WRONG:  # this project does not have the names; the words are right
                self.assertRegex(result.err, "no event of this project has the (name|property)", words)

    def test_explain_prints_question_plan_and_what_was_read(self):
        result = self.run_tenure("query", LINE, "--explain")
        self.assertEqual(result.code, DONE)
        first = result.err.splitlines()[0]
        self.assertEqual(json.loads(first.removeprefix("question: ")), ASKED)
        self.assertRegex(result.err, r'(?m)^pass 1, by (rows|unit|unit, in parts):$')
        self.assertIn('  selector 1: "A" from 2026-03-01T00:00:00', result.err)
        self.assertIn('where "plan"', result.err)
        self.assertRegex(result.err, r"(?m)^  \d+ segments read, \d+ skipped; 12 of \d+ rows matched$")
        self.assertRegex(result.err, r"\d+ rows looked at, 12 matched")

    def test_what_is_wrong_is_pointed_at(self):
        for words, at, hint in [("trend people of A dayly", "character 19", "did you mean daily?"),
                                ("trend people of A by plam", "character 22", 'mean "plan"?')]:
            result = self.run_tenure("query", words)
            self.assertEqual((result.code, result.out), (WRONG, ""))
            self.assertIn(at, result.err)
            self.assertIn(hint, result.err)

    def test_over_http(self):
        server = self.serve()
        key = self.run_tenure("key", "create", "--scope", "read", "--json").json()["key"]
        wanted = server.send(key, ASKED, PATH, Content_Type="application/json").json()
        for body, kind in [(LINE, "text/plain"), ({"text": LINE}, "application/json")]:
            reply = server.send(key, body, PATH, Content_Type=kind)
            self.assertEqual(reply.status, 200, reply.body)
            self.assertEqual(reply.json()["series"], wanted["series"])
            self.assertEqual(reply.json()["question"], ASKED)
        reply = server.send(key, {"text": "trend people of A dayly"}, PATH)
        self.assertEqual((reply.status, reply.error()["code"], reply.error()["at"]),
                         (400, "query.text", "character 19"))
        reply = server.send(key, "trend people of A by plam", PATH, Content_Type="text/plain")
        self.assertEqual((reply.status, reply.error()["at"]), (422, "character 22"))


if __name__ == "__main__":
    main()
