#!/usr/bin/env python3
"""Impact and why not, from outside: on the command line, in words, over HTTP."""
import csv
import io
import json

from house import DONE, WRONG, Case, main

GOAL = {"retained": {"start": {"event": "Signed Up"}, "return": {"event": "Login"},
                     "interval": "day", "period": 3}}
IMPACT = {"insight": "impact", "goal": GOAL, "within": "1d", "from": "2026-03-01", "to": "2026-03-01",
          "as_of": "2026-03-31"}
LINE = ('impact on retention of "Signed Up" then Login daily 3 within 1d from 2026-03-01'
        " to 2026-03-01 as of 2026-03-31")
PATH = "/api/v1/projects/main/query"


def events():
    """100 people; of 40 who invite 30 are back on day 3, of 60 others 15."""
    for i in range(100):
        yield i, "Signed Up", "2026-03-01T10:00:00Z"
        if i < 40:
            yield i, "Invite", "2026-03-01T11:00:00Z"
        if i < 30 or 40 <= i < 55:
            yield i, "Login", "2026-03-04T10:00:00Z"


class Impact(Case):
    def setUp(self):
        super().setUp()
        self.done("import", "-", "--format", "events", stdin="".join(
            json.dumps({"event": name, "person": f"p{i}", "time": time}) + "\n"
            for i, name, time in events()))

    def row(self, answer):
        self.assertEqual([r["event"] for r in answer["rows"]], ["Invite"])
        return answer["rows"][0]

    def test_the_table_and_the_people_behind_it(self):
        answer = self.run_tenure("query", json.dumps(IMPACT), "--json").json()
        self.assertEqual(answer["units"],
                         {"counted": 100, "reached": 45, "rate": 0.45, "open": 0, "cut": 0})
        row = self.row(answer)
        self.assertEqual((row["did"], row["did_not"]),
                         ({"units": 40, "reached": 30, "rate": 0.75},
                          {"units": 60, "reached": 15, "rate": 0.25}))
        self.assertAlmostEqual(row["lift"], 3)
        self.assertAlmostEqual(row["odds_ratio"], 31 * 46 / (11 * 16))
        self.assertAlmostEqual(row["phi"], (30 * 45 - 10 * 15) / (40 * 60 * 45 * 55) ** 0.5)
        self.assertEqual((row["test"], row["q"], row["warnings"]), ("chi_square", row["p"], []))
        self.assertIn("not what causes it", answer["says"])
        for place, number in [({"event": "Invite"}, 40), ({"event": "Invite", "reached": True}, 30),
                              ({"event": "Invite", "did": False, "reached": False}, 45)]:
            people = self.run_tenure("query", json.dumps({**IMPACT, "people_of": place}), "--json").json()
            self.assertEqual((people["total"], len(people["people"])), (number, number))

    def test_words_text_and_csv(self):
        said = self.run_tenure("query", LINE, "--json").json()
        self.assertEqual(said.pop("question"), IMPACT)
        self.assertEqual(said, self.run_tenure("query", json.dumps(IMPACT), "--json").json())
        shown = self.run_tenure("query", LINE).out
        self.assertIn("3.00x", shown)
        self.assertIn("What goes with the goal, not what causes it.", shown)
        rows = list(csv.DictReader(io.StringIO(self.run_tenure("query", LINE, "--csv").out)))
        self.assertEqual((rows[0]["event"], rows[0]["did_reached"]), ("Invite", "30"))

    def test_why_not(self):
        line = 'funnel "Signed Up" > Login within 1d from 2026-03-01 to 2026-03-31 as of 2026-03-31'
        result = self.run_tenure("query", "--why-not", "p0", line, "--json").json()["why"]
        self.assertEqual((result["is_in"], result["reached"], result["reasons"][0]["rule"],
                          result["reasons"][0]["by_seconds"]), (False, 1, "window", 172800))
        asked = {"insight": "funnel", "steps": [{"event": "Signed Up"}, {"event": "Login"}],
                 "window": "1d", "from": "2026-03-01", "to": "2026-03-31", "as_of": "2026-03-31"}
        self.assertEqual(self.run_tenure("query", "--why-not", "p0", json.dumps(asked), "--json").json()["why"],
                         result)
        shown = self.run_tenure("query", "--why-not", "p99", line).out
        self.assertIn("p99 is not in step 2", shown)
        self.assertIn("never did Login", shown)
        wrong = self.run_tenure("query", "--why-not", "nobody", line)
        self.assertEqual((wrong.code, wrong.out), (WRONG, ""))
        self.assertIn('nobody has the id "nobody"', wrong.err)
        wrong = self.run_tenure("query", "--why-not", "p0", "trend Login")
        self.assertEqual(wrong.code, WRONG)

    def test_over_http(self):
        server = self.serve()
        key = self.run_tenure("key", "create", "--scope", "read", "--json").json()["key"]
        reply = server.send(key, IMPACT, PATH)
        self.assertEqual((reply.status, self.row(reply.json())["did"]["reached"]), (200, 30))
        asked = {"insight": "people", "filter": [{"did": "Login"}], "why_not": {"person": "p99"}}
        why = server.send(key, asked, PATH).json()["why"]
        self.assertEqual(why["reasons"][0]["conditions"][0]["times"], 0)
        reply = server.send(key, {**IMPACT, "goal": {}}, PATH)
        self.assertEqual((reply.status, reply.error()["at"]), (400, "/goal"))
        self.assertEqual(self.run_tenure("query", LINE).code, DONE)


if __name__ == "__main__":
    main()
