#!/usr/bin/env python3
"""Alerts: saved with their errors' places, evaluated once for each interval that is over, by a server and by
the command, also when the server is killed meanwhile."""
import datetime
import os
import sqlite3
import time

from house import DONE, FAILED, WRONG, Case, Server, main

NOW = datetime.datetime.now(datetime.timezone.utc)
LOGINS = {"insight": "trends", "interval": "day", "last": "7d", "series": [{"event": "Login"}]}
KEPT = {"insight": "retention", "interval": "day", "last": "9d", "periods": 4,
        "start": {"event": "Signed Up"}, "return": {"event": "Login"}}


def day(ago, hour=12):
    return (NOW - datetime.timedelta(days=ago)).replace(hour=hour, minute=0).strftime("%Y-%m-%dT%H:%M:%SZ")


class Alerts(Case):
    def setUp(self):
        super().setUp()
        keys = self.run_tenure("project", "create", "main", "--json").json()
        self.write, self.secret = keys["write_key"], keys["secret_key"]
        self.server = Server(self.data)
        self.addCleanup(lambda: self.server.close())
        events = [{"event": "Login", "person": f"u{i}", "id": f"l{ago}-{i}", "time": day(ago)}
                  for ago in range(1, 9) for i in range(10 - ago)]
        events += [{"event": "Signed Up", "person": f"u{i}", "id": f"s{i}", "time": day(3, 1)} for i in range(8)]
        self.assertEqual(self.server.send(self.write, {"events": events}).status, 200)

    def call(self, method, path, body=None):
        return self.server.request(method, "/api/v1/projects/main/" + path, body,
                                   {"Authorization": "Bearer " + self.secret})

    def make(self, name="Few", **more):
        body = {"name": name, "question": LOGINS, "number": {"series": 0}, "when": {"below": 5},
                "wait": "0m", **more}
        reply = self.call("POST", "alerts", body)
        self.assertEqual(reply.status, 201, reply.body)
        return reply.json()

    def check(self, **options):
        done = self.run_tenure("alerts", "check", "--json", **options)
        self.assertEqual(done.code, DONE, done.err)
        return done.json(), done.err

    def test_wrong_alerts_are_refused_with_their_place(self):
        good = {"name": "A", "question": LOGINS, "number": {"series": 0}, "when": {"below": 5}}
        for change, at in (
                ({"name": None}, "/name"), ({"number": None}, "/number"), ({"when": None}, "/when"),
                ({"question": {**LOGINS, "to": "2026-01-01", "last": None}}, "/question/to"),
                ({"question": {**LOGINS, "as_of": "2026-01-01"}}, "/question/as_of"),
                ({"question": {**LOGINS, "serie": []}}, "/question/serie"),
                ({"question": {"text": "trend Login from 2026-01-01 to 2026-01-31"}}, "/question/from"),
                ({"number": {"series": 1}}, "/number/series"),
                ({"question": KEPT, "number": {"period": 4}}, "/number/period"),
                ({"when": {"below": "5"}}, "/when/below"), ({"wait": "soon"}, "/wait"),
                ({"to": "me@example.com"}, "/to")):
            for path in ("alerts", "alerts/try"):
                refused = self.call("POST", path, {**good, **change})
                self.assertEqual((refused.status, refused.error()["at"]), (400, at), refused.body)
        self.assertEqual(self.call("GET", "alerts").json()["alerts"], [])

    def test_trying_says_what_it_would_say(self):
        body = {"name": "A", "question": KEPT, "number": {"period": 1}, "wait": "0m",
                "when": {"below": 0.9}}
        tried = self.call("POST", "alerts/try", body).json()
        self.assertEqual((tried["state"], tried["start"]), ("no_data", day(2)[:10]))  # nobody signed up then
        body["number"]["period"] = 2
        tried = self.call("POST", "alerts/try", body).json()
        self.assertEqual((tried["state"], tried["start"], tried["number"]), ("ok", day(3)[:10], 1))
        self.assertEqual(self.call("GET", "alerts").json()["alerts"], [])

    def test_a_server_evaluates_by_itself(self):
        made = self.make(when={"falls_by_percent": 10})
        self.assertIsNone(made["latest"])
        give_up = time.monotonic() + 60
        while not (latest := self.call("GET", "alerts/" + made["id"]).json()["latest"]):
            self.assertLess(time.monotonic(), give_up, self.server.errors())
            time.sleep(0.1)
        self.assertEqual((latest["state"], latest["number"], latest["before"], latest["start"]),
                         ("ok", 9, 8, day(1)[:10]))
        code, seconds = self.server.stop()
        self.assertEqual(code, 0)

    def test_the_command_evaluates_lists_and_tells(self):
        made = self.make(when={"below": 10})
        counts, news = self.check()
        shown = self.run_tenure("alerts")
        self.assertRegex(shown.out, r"Few\n  firing +9  of 20\d\d-\d\d-\d\d  until 20")
        self.assertEqual(self.check()[0], {"alerts": 1, "evaluated": 0, "firing": 0, "later": 0})
        listed = self.run_tenure("alerts", "--json").json()["alerts"]
        self.assertEqual(listed, self.call("GET", "alerts").json()["alerts"])
        history = self.run_tenure("alerts", "history", "Few", "--json").json()["history"]
        self.assertEqual(history, self.call("GET", f"alerts/{made['id']}/history").json()["history"])
        self.assertEqual([h["number"] for h in history], [9])
        self.assertIn("firing", self.run_tenure("alerts", "history", made["id"]).out)
        unknown = self.run_tenure("alerts", "history", "Fewer")
        self.assertEqual(unknown.code, FAILED)
        self.assertIn("there is no alert \"Fewer\"", unknown.err)
        self.assertIn("No alerts", self.run_tenure("alerts", "--project", "main", data=self.empty()).out)

    def empty(self):
        data = os.path.join(self.folder, "empty")
        self.run_tenure("project", "create", "main", data=data)
        return data

    def findings(self):
        with sqlite3.connect(os.path.join(self.data, "records.db")) as db:
            return db.execute("SELECT id, moment, state, body FROM finding ORDER BY id, moment").fetchall()

    def test_kills_leave_each_interval_with_one_finding(self):
        """Alerts that look back over days that were missed, and a server that is killed again and again."""
        made = [self.make(f"A{i}", when={"above": i}) for i in range(8)]
        self.check()
        self.server.close()
        with sqlite3.connect(os.path.join(self.data, "records.db")) as db:  # as if it had been off since then
            db.execute("UPDATE finding SET moment = moment - 6 * 86400000")
        before = self.findings()
        self.assertEqual(len(before), 8)
        for wait in (0.9, 1.0, 1.02, 1.04, 1.06, 1.1, 1.2):
            self.server = Server(self.data)
            time.sleep(wait)
            self.server.close()  # kill -9
        self.server = Server(self.data)
        self.check()
        after = self.findings()
        self.assertEqual(len(after), 8 * 7)
        self.assertEqual(len({(row[0], row[1]) for row in after}), len(after))
        self.assertEqual([row for row in after if row in before], before)
        for alert in made:
            numbers = [h["number"] for h in self.call("GET", f"alerts/{alert['id']}/history").json()["history"]]
            self.assertEqual(numbers[:6], [9, 8, 7, 6, 5, 4])

    def test_history_is_read_page_by_page_and_goes_with_its_alert(self):
        made = self.make()
        self.check()
        self.server.close()
        with sqlite3.connect(os.path.join(self.data, "records.db")) as db:
            db.execute("UPDATE finding SET moment = moment - 4 * 86400000")
        self.server = Server(self.data)
        self.check()
        seen, cursor = [], ""
        while cursor is not None:
            page = self.call("GET", f"alerts/{made['id']}/history?limit=2{cursor}").json()
            seen += [h["ended"] for h in page["history"]]
            cursor = page["cursor"] and "&cursor=" + page["cursor"]
        self.assertEqual((len(seen), seen), (5, sorted(seen, reverse=True)))
        self.assertEqual(self.call("DELETE", "alerts/" + made["id"]).status, 200)
        self.assertEqual(self.call("GET", f"alerts/{made['id']}/history").status, 404)
        self.server.stop()
        self.assertEqual(self.findings(), [])


if __name__ == "__main__":
    main()
