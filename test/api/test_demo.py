#!/usr/bin/env python3
"""The simulated company in the terminal: made once, the same each time, served afterwards."""
import os
import re

from house import DONE, FAILED, Case, line, main

SMALL = ["--events", "150000"]
FINDINGS = r"1\. Owners .*?: (\d+) %.*?others: (\d+) %.*?2\. After .*?, (\d+) % .*?\"business\": (\d+) %.*?" \
           r"3\. On Android, (\d+) of .*?, ([\d.]+) of 100"


class Demo(Case):
    def demo(self, *more, code=DONE):
        result = self.run_tenure("demo", "--listen", "127.0.0.1:0", "--exit-after-ready", *more, timeout=300)
        self.assertEqual(result.code, code, result.out + result.err)
        return result

    def test_what_was_built_in_is_found_and_made_once(self):
        first = self.demo(*SMALL)
        for text in ("Who comes back", "From signing up to paying", "simulated", "/signin?token="):
            self.assertIn(text, first.out)
        numbers = [float(n) for n in re.search(FINDINGS, first.out, re.S).groups()]
        self.assertGreater(numbers[0], numbers[1] * 1.5)  # three invitations keep accounts
        self.assertGreater(numbers[2], numbers[3] + 10)   # the price rise costs the small ones
        self.assertGreater(numbers[4], numbers[5] * 10)   # the bad release
        self.assertIn("events in", first.err)
        self.assertNotIn("\r", first.err)                 # no progress bar: this is no terminal

        before = self.done("status", "--json").json()["projects"]
        again = self.demo(*SMALL)
        self.assertNotIn("events in", again.err)
        cut = lambda text: text.split("Tenure is at")[0]
        self.assertEqual(cut(again.out), cut(first.out))
        self.assertEqual(self.done("status", "--json").json()["projects"], before)
        (project,) = self.done("project", "list", "--json").json()
        self.assertEqual((project["project"], project["simulated"], project["timezone"]),
                         ("demo", True, "Asia/Bangkok"))

        other = self.demo("--seed", "7", code=FAILED)
        self.assertIn("other --seed or --events", other.err)

        server = self.serve(*SMALL, command="demo")       # and served
        (me,) = server.get("/api/v1/me", Cookie=server.sign_in()).json()["projects"]
        self.assertEqual((me["name"], me["simulated"]), ("demo", True))
        inside = self.demo(*SMALL)                        # shown by the server that runs
        self.assertIn(server.url + "/signin?token=", inside.out)
        self.assertIn(cut(first.out).strip(), inside.out)

    def test_a_real_project_of_that_name_is_left_alone(self):
        self.done("import", "-", "--format", "events", "--project", "demo", stdin=line())
        result = self.demo(*SMALL, code=FAILED)
        self.assertIn('a project "demo" with data that is not simulated', result.err)
        self.assertEqual(self.events("demo"), 1)
        self.assertFalse(os.path.exists(os.path.join(self.data, "demo.json")))

    def test_wrong_numbers(self):
        for words in (["--events", "many"], ["--events", "0"], ["--seed", "-1"]):
            result = self.run_tenure("demo", *words)
            self.assertEqual(result.code, 2)
            self.assertIn("is a whole number above 0", result.err)


if __name__ == "__main__":
    main()
