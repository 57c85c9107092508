#!/usr/bin/env python3
"""How long events are kept, as people say it."""
import time

from house import FAILED, WRONG, Case, Server, line, main

DAY = 86400000


class Keep(Case):
    def fill(self):
        now = int(time.time() * 1000)
        lines = [line(name, f"p{n % 5}", id=f"{name}-{n}", time=now - n * DAY - 1000)
                 for name in ("Page Viewed", "Paid") for n in range(100)]
        self.done("import", "-", "--format", "events", stdin="\n".join(lines))

    def events(self):
        return self.done("status", "--json").json()["projects"][0]["events"]

    def test_old_events_go_by_name(self):
        self.fill()
        self.assertIn("for ever", self.done("keep", "list").out)
        # Whole days: of 100 events, one a day, 30 days old or less stay.
        would = self.done("keep", "Page Viewed", "30d", "--dry-run", "--json").json()
        self.assertTrue(would["dry_run"])
        self.assertIn(would["older_events"], (68, 69, 70))
        self.assertEqual(self.done("keep", "list", "--json").json(), [])
        self.done("keep", "Page Viewed", "30d")
        rules = self.done("keep", "list", "--json").json()
        self.assertEqual([(r["event"], r["days"]) for r in rules], [("Page Viewed", 30)])
        self.assertEqual(self.events(), 200)
        done = self.done("keep", "apply", "--json").json()
        self.assertEqual(done["removed"], would["older_events"])
        self.assertGreater(done["dropped"] + done["rewritten"], 0)
        self.assertEqual(self.events(), 200 - would["older_events"])
        self.assertEqual(self.done("keep", "list", "--json").json()[0]["older_events"], 0)

    def test_for_ever_again(self):
        self.fill()
        self.done("keep", "Paid", "2y")
        self.assertIn("730 days", self.done("keep", "list").out)
        self.done("keep", "remove", "Paid")
        self.assertEqual(self.done("keep", "list", "--json").json(), [])
        again = self.run_tenure("keep", "remove", "Paid")
        self.assertEqual(again.code, FAILED)
        self.assertIn("for ever", again.err)

    def test_wrong_periods_are_refused(self):
        self.fill()
        for period in ("90", "d", "0d", "1.5y", "90 d", "201y", "9999999999999d", "3h", ""):
            with self.subTest(period=period):
                reply = self.run_tenure("keep", "Paid", period)
                self.assertEqual(reply.code, WRONG)
                self.assertRegex(reply.err, "period")
        self.assertEqual(self.done("keep", "list", "--json").json(), [])

    def test_while_a_server_runs(self):
        self.fill()
        server = Server(self.data)
        try:
            self.done("keep", "Paid", "10d")
            self.done("keep", "apply")
            self.assertEqual(self.done("keep", "list", "--json").json()[0]["older_events"], 0)
            self.assertLessEqual(self.events(), 111)
        finally:
            server.close()


main()
