#!/usr/bin/env python3
"""The command table: help, usage, exit codes, projects and keys."""
import json
import os
import stat

from house import DONE, FAILED, WRONG, Case, line, main

COMMANDS = ["demo", "serve", "import", "query", "people identity", "people merge", "people unmerge",
            "project create", "project set", "project list",
            "key create", "key list", "key revoke", "signin", "status", "bench", "version", "help"]


class Usage(Case):
    def test_each_command_has_help_with_options_and_an_example(self):
        overview = self.run_tenure("help", data=False)
        self.assertEqual(overview.code, DONE)
        for command in COMMANDS:
            self.assertIn(command, overview.out)
            for words in (command.split() + ["--help"], ["help"] + command.split()):
                result = self.run_tenure(*words, data=False)
                self.assertEqual(result.code, DONE)
                self.assertTrue(result.out.startswith(f"usage: tenure {command}"), result.out)
                self.assertIn("\noptions:\n", result.out)
                self.assertIn("--data DIR", result.out)
                self.assertIn("\nexample:\n  tenure " + command, result.out)
        self.assertFalse(os.path.exists(self.data))

    def test_no_words_show_the_overview_as_an_error(self):
        result = self.run_tenure(data=False)
        self.assertEqual((result.code, result.out), (WRONG, ""))
        self.assertIn("usage: tenure COMMAND", result.err)

    def test_version(self):
        for word in ("version", "--version"):
            self.assertRegex(self.run_tenure(word, data=False).out, r"^tenure \d+\.\d+\.\d+\n$")

    def test_bench_measures_and_leaves_nothing(self):
        os.environ["TMPDIR"], before = self.folder, os.environ.get("TMPDIR")
        try:
            there = sorted(os.listdir(self.folder))
            result = self.run_tenure("bench", "--events", "20000", "--json", data=False)
            self.assertEqual(sorted(os.listdir(self.folder)), there)
        finally:
            os.environ.pop("TMPDIR")
            if before:
                os.environ["TMPDIR"] = before
        self.assertEqual(result.code, DONE, result.err)
        figures = json.loads(result.out)
        self.assertEqual(len(figures["questions"]), 5)
        self.assertGreater(figures["events"], 10000)
        for asked in figures["questions"]:
            self.assertGreater(asked["rows"], 0, asked)
        self.refused(WRONG, "--events is a whole number from 1 to", "bench", "--events", "0",
                     data=False)

    def test_the_nearest_name_is_offered(self):
        for words, hint in [(["imprt"], "did you mean import?"),
                            (["key", "crate"], "did you mean key create?"),
                            (["key"], "there are: key create, key list, key revoke"),
                            (["import", "--formt", "csv", "x"], "did you mean --format?"),
                            (["zzzzzzzz"], "`tenure help` lists the commands"),
                            (["query", "--zzzzzzz", "{}"], "`tenure query --help` lists them")]:
            self.assertIn(hint, self.refused(WRONG, "no ", *words, data=False).err)
        self.assertFalse(os.path.exists(self.data))

    def test_wrong_numbers_of_words_and_values(self):
        self.refused(WRONG, "import needs FILE", "import", data=False)
        self.refused(WRONG, 'query does not know what to do with "b"', "query", "a", "b", data=False)
        self.refused(WRONG, "--format needs a value", "import", "x", "--format", data=False)
        self.refused(WRONG, "--json takes no value", "project", "list", "--json=1", data=False)
        self.refused(WRONG, "--json is given twice", "status", "--json", "--json", data=False)
        self.refused(WRONG, "key create needs --scope", "key", "create")
        self.refused(WRONG, 'no scope "root"', "key", "create", "--scope", "root")

    def test_words_after_two_dashes_are_no_options(self):
        self.refused(FAILED, "--odd.jsonl", "import", "--data", self.data, "--", "--odd.jsonl")


class DataDirectory(Case):
    def test_it_is_made_private_and_found_by_option_or_variable(self):
        self.done("project", "create", "a")
        self.assertEqual(stat.S_IMODE(os.stat(self.data).st_mode), 0o700)
        for name in ("tenure.json", "records.db", "lock"):
            self.assertEqual(stat.S_IMODE(os.stat(os.path.join(self.data, name)).st_mode) & 0o077, 0)
        other = os.path.join(self.folder, "other")
        self.done("project", "create", "b", data=False, env={"TENURE_DATA": other})
        self.assertIn("b", self.done("project", "list", "--data", other).out)
        self.assertNotIn("b ", self.done("project", "list").out)
        self.done("project", "create", "c", data=False)
        self.assertTrue(os.path.exists(os.path.join(self.folder, "tenure-data", "tenure.json")))

    def test_an_open_folder_is_closed_to_others(self):
        os.mkdir(self.data, 0o755)
        self.done("status")
        self.assertEqual(stat.S_IMODE(os.stat(self.data).st_mode), 0o700)


class Projects(Case):
    def test_create_shows_two_keys_once(self):
        made = self.done("project", "create", "shop", "--json").json()
        self.assertEqual(sorted(made), ["project", "secret_key", "write_key"])
        self.assertEqual(made["project"], "shop")
        self.assertRegex(made["write_key"], r"^tw_[0-9a-f]{8}_[A-Za-z0-9_-]{43}$")
        self.assertRegex(made["secret_key"], r"^ta_[0-9a-f]{8}_[A-Za-z0-9_-]{43}$")
        with open(os.path.join(self.data, "records.db"), "rb") as f:
            stored = f.read()
        self.assertNotIn(made["write_key"][12:].encode(), stored)
        listed = self.done("key", "list", "--json").json()
        self.assertEqual({k["prefix"] for k in listed},
                         {made["write_key"][:11], made["secret_key"][:11]})

    def test_settings(self):
        self.done("project", "create", "shop", "--timezone", "Asia/Bangkok", "--week-start", "sunday")
        self.done("project", "set", "shop", "--timezone", "Europe/Berlin")
        (shop,) = self.done("project", "list", "--json").json()
        self.assertEqual((shop["timezone"], shop["week_start"], shop["simulated"]),
                         ("Europe/Berlin", "sunday", False))
        self.refused(WRONG, "there is nothing to change", "project", "set", "shop")
        self.refused(WRONG, "Asia/Bankok", "project", "set", "shop", "--timezone", "Asia/Bankok")
        self.refused(WRONG, "monday or sunday", "project", "set", "shop", "--week-start", "friday")
        self.refused(WRONG, 'no project "shp"', "project", "set", "shp", "--timezone", "UTC")
        self.refused(WRONG, "cannot be a project's name", "project", "create", "My Shop")
        self.refused(FAILED, 'a project "shop" already', "project", "create", "shop")
        self.assertEqual(len(self.done("project", "list", "--json").json()), 1)

    def test_main_is_made_by_the_first_import_only(self):
        self.refused(WRONG, 'no project "main"', "query", '{"insight":"trends"}')
        self.done("import", "-", "--format", "events", stdin=line())
        self.assertEqual(self.events(), 1)

    def test_keys(self):
        self.project()
        key = self.done("key", "create", "--scope", "read", "--project", "shop").out.strip()
        self.assertTrue(key.startswith("tr_"))
        self.refused(WRONG, 'no project "shp"', "key", "create", "--scope", "read", "--project", "shp")
        self.assertEqual(len(self.done("key", "list", "--project", "shop", "--json").json()), 3)
        self.done("key", "revoke", key[:11], "--project", "shop")
        self.assertEqual(len(self.done("key", "list", "--project", "shop", "--json").json()), 2)
        self.refused(FAILED, "no key that begins with", "key", "revoke", key[:11], "--project", "shop")


if __name__ == "__main__":
    main()
