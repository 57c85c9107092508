#!/usr/bin/env python3
"""Commands while a server runs on the same data directory, and stopping it, gently and not."""
import http.client
import json
import os
import signal
import socket
import stat
import subprocess
import time

from house import DONE, FAILED, TENURE, WRONG, Case, clean_env, line, main


class Relay(Case):
    def test_commands_work_inside_the_server(self):
        server = self.serve()
        self.assertEqual(stat.S_IMODE(os.stat(os.path.join(self.data, "socket")).st_mode), 0o600)
        key, _ = self.project()
        self.assertEqual(server.send(key, {"events": [{"event": "A", "person": "p"}]}).status, 200)
        self.assertEqual(self.events("shop"), 1)
        self.file("a.jsonl", line("B", "q") + "\n" + line("C", "q"))
        result = self.done("import", "a.jsonl", "--project", "shop", "--json")
        self.assertEqual(result.json()["events"], 2)  # a path relative to where it was typed
        self.assertEqual(self.events("shop"), 3)
        self.done("import", "-", "--format", "events", "--project", "shop", stdin=line("D", "q"))
        self.assertEqual(self.events("shop"), 4)
        self.assertIn(server.url, self.done("status").out)

    def test_exit_codes_and_messages_come_back(self):
        self.serve()
        self.refused(WRONG, 'no project "shp"', "project", "set", "shp", "--timezone", "UTC")
        self.refused(FAILED, "missing.jsonl", "import", "missing.jsonl")
        self.refused(WRONG, "did you mean --project?", "query", "{}", "--prject", "x")
        self.refused(WRONG, "did you mean status?", "statis")

    def test_a_link_made_while_serving_signs_in(self):
        server = self.serve()
        link = self.done("signin").out.strip()
        self.assertTrue(link.startswith(server.url + "/signin?token="))
        self.assertIn("tenure_session=", server.sign_in(link))

    def test_a_revoked_key_is_refused_at_once(self):
        server = self.serve()
        key, _ = self.project()
        self.assertEqual(server.send(key, {"events": [{"event": "A", "person": "p"}]}).status, 200)
        self.done("key", "revoke", key[:11], "--project", "shop")
        self.assertEqual(server.send(key, {"events": [{"event": "A", "person": "p"}]}).status, 401)

    def test_many_commands_at_once(self):
        self.serve()
        running = [subprocess.Popen([TENURE, "import", "-", "--format", "events", "--data", self.data],
                                    stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                    stderr=subprocess.PIPE, text=True, env=clean_env())
                   for _ in range(12)]
        for n, process in enumerate(running):
            _, errors = process.communicate(line("A", f"p{n}"), timeout=60)
            self.assertEqual(process.returncode, DONE, errors)
        self.assertEqual(self.events(), 12)

    def test_a_command_that_goes_away_is_cancelled(self):
        server = self.serve()
        process = subprocess.Popen([TENURE, "import", "-", "--format", "events", "--data", self.data],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=clean_env())
        process.stdin.write((line() + "\n").encode())
        process.stdin.flush()
        time.sleep(0.3)
        process.kill()
        process.communicate()
        self.assertIn(server.url, self.done("status").out)
        code, seconds = server.stop()
        self.assertEqual(code, 0, server.errors())
        self.assertLess(seconds, 10)

    def test_ctrl_c_ends_the_typed_command_and_not_the_server(self):
        server = self.serve()
        process = subprocess.Popen([TENURE, "import", "-", "--format", "events", "--data", self.data],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=clean_env(),
                                   # whoever runs the tests in the background ignores it
                                   preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        process.stdin.write((line() + "\n").encode())
        process.stdin.flush()
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=30), -signal.SIGINT)
        process.communicate()
        self.assertIn(server.url, self.done("status").out)

    def test_rubbish_on_the_socket_is_ignored(self):
        self.serve()
        for rubbish in (b"", b"\0" * 3, b"\xff" * 4096, b"GET / HTTP/1.1\r\n\r\n"):
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(os.path.join(self.data, "socket"))
                s.sendall(rubbish)
        self.done("status")

    def test_a_waiting_command_gets_the_directory_when_another_ends(self):
        slow = subprocess.Popen([TENURE, "import", "-", "--format", "events", "--data", self.data],
                                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=clean_env())
        while not os.path.exists(os.path.join(self.data, "records.db")):
            time.sleep(0.01)
        second = subprocess.Popen([TENURE, "project", "list", "--data", self.data],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_env())
        time.sleep(0.3)
        self.assertIsNone(second.poll())
        slow.communicate(line().encode())
        second.communicate(timeout=10)
        self.assertEqual(second.returncode, DONE)


class Interrupting(Case):
    def test_ctrl_c_ends_an_import_with_what_was_read(self):
        rows = (line("A", f"p{n}", id=str(n)) + "\n" for n in range(10**9))
        process = subprocess.Popen([TENURE, "import", "-", "--format", "events", "--data", self.data],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=clean_env())
        try:
            for count, row in enumerate(rows):
                process.stdin.write(row.encode())
                if count == 50000:
                    process.send_signal(signal.SIGINT)
        except BrokenPipeError:
            pass
        _, errors = process.communicate(timeout=20)
        self.assertEqual(process.returncode, FAILED)
        self.assertIn(b"import again to add the rest", errors)
        self.assertGreater(self.events(), 0)

    def test_ctrl_c_ends_the_making_of_the_demo_and_a_second_run_completes_it(self):
        process = subprocess.Popen([TENURE, "demo", "--data", self.data, "--listen", "127.0.0.1:0",
                                    "--events", "300000", "--exit-after-ready"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=clean_env())
        self.assertIn(b"Making", process.stderr.readline())
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=5)
        self.assertEqual(process.returncode, 128 + signal.SIGINT)
        self.done("demo", "--listen", "127.0.0.1:0", "--events", "300000", "--exit-after-ready",
                  timeout=120)
        other = os.path.join(self.folder, "other")
        self.done("demo", "--data", other, "--listen", "127.0.0.1:0", "--events", "300000",
                  "--exit-after-ready", timeout=120)
        (fresh,) = self.done("status", "--json", "--data", other).json()["projects"]
        self.assertEqual(self.events("demo"), fresh["events"])


class Stopping(Case):
    def test_sigterm_and_ctrl_c_stop_cleanly(self):
        for which in (signal.SIGTERM, signal.SIGINT):
            server = self.serve()
            server.process.send_signal(which)
            self.assertEqual(server.process.wait(timeout=10), 0)
            self.assertFalse(os.path.exists(os.path.join(self.data, "socket")))

    def test_nothing_acknowledged_is_lost_by_kill_9(self):
        key, _ = self.project()
        expected = 0
        for round_number in range(3):
            server = self.serve()
            for n in range(20):
                body = {"events": [{"event": "A", "person": f"p{n}", "id": f"{round_number}-{n}-{k}"}
                                   for k in range(50)]}
                reply = server.send(key, body)
                self.assertEqual(reply.status, 200)
                self.assertEqual(reply.json(), {"accepted": 50, "duplicates": 0})
                expected += 50
            server.kill()
            self.assertEqual(self.events("shop"), expected)  # the socket left behind is no hindrance
        server = self.serve()
        reply = server.send(key, {"events": [{"event": "A", "person": "p0", "id": "0-0-0"}]})
        self.assertEqual(reply.json()["duplicates"], 1)

    def test_kill_9_in_the_middle_of_sending(self):
        key, _ = self.project()
        server = self.serve()
        acknowledged = 0
        child = os.fork()
        if child == 0:
            time.sleep(0.4)
            os.kill(server.process.pid, signal.SIGKILL)
            os._exit(0)
        try:
            for n in range(100000):
                reply = server.send(key, {"events": [
                    {"event": "A", "person": f"p{k}", "id": f"{n}-{k}"} for k in range(20)]})
                acknowledged += reply.json()["accepted"]
        except (OSError, ValueError, http.client.HTTPException):
            pass
        os.waitpid(child, 0)
        server.process.wait()
        stored = self.events("shop")
        self.assertGreater(acknowledged, 0)
        self.assertGreaterEqual(stored, acknowledged)
        self.assertLessEqual(stored, acknowledged + 20)  # at most the batch nobody heard back about


if __name__ == "__main__":
    main()
