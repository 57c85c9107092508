#!/usr/bin/env python3
"""Lists of people and accounts, and the timeline of one, with and without a server."""
import json

from house import DONE, FAILED, WRONG, Case, Server, main


def event(name, person, account, hour):
    return json.dumps({"event": name, "person": person, "account": account,
                       "time": f"2026-03-01T{hour:02}:00:00Z"})


LINES = "\n".join([
    event("Login", "ann", "acme", 9), event("Paid", "bob", "acme", 8), event("Login", "ann", "zoo", 7),
    json.dumps({"account": "quiet", "traits": {"plan": "pro"}}),
    json.dumps({"person": "ann", "merge": ["anon"]})]) + "\n"


class Units(Case):
    def setUp(self):
        super().setUp()
        self.assertEqual(self.run_tenure("import", "-", stdin=LINES).code, DONE)

    def lines(self, *words):
        done = self.run_tenure(*words)
        self.assertEqual(done.code, DONE, done.err)
        return done.out.splitlines()

    def check(self):
        self.assertEqual(self.lines("accounts", "list"), ["acme", "quiet", "zoo"])
        self.assertEqual(self.lines("people", "list", "--filter", '[{"did":"Paid"}]'), ["bob"])
        self.assertEqual(self.lines("accounts", "list", "--filter", '[{"did_not":"Login"}]'), ["quiet"])
        self.assertEqual([line.split() for line in self.lines("accounts", "show", "acme")],
                         [["2026-03-01T08:00:00Z", "Paid", "bob"],
                          ["2026-03-01T09:00:00Z", "Login", "ann"]])
        self.assertEqual([line.split()[-1] for line in self.lines("people", "show", "anon")],
                         ["zoo", "acme"])

    def test_lists_and_timelines(self):
        self.check()
        server = Server(self.data)
        self.addCleanup(server.close)
        self.check()

    def test_json_and_limits(self):
        done = self.run_tenure("accounts", "list", "--limit", "2", "--json").json()
        self.assertEqual((len(done["people"]), done["total"]), (2, 3))
        done = self.run_tenure("people", "show", "ann", "--limit", "1", "--json").json()
        self.assertEqual((done["total"], done["events"]),
                         (2, [{"time": "2026-03-01T09:00:00Z", "event": "Login", "person": "ann",
                               "account": "acme"}]))

    def test_who_is_not_there(self):
        self.assertEqual(self.run_tenure("people", "show", "eve").code, FAILED)
        self.assertEqual(self.run_tenure("accounts", "show", "none").code, FAILED)
        self.assertEqual(self.run_tenure("people", "list", "--limit", "0").code, WRONG)
        self.assertEqual(self.run_tenure("people", "list", "--filter", "{").code, WRONG)


if __name__ == "__main__":
    main()
