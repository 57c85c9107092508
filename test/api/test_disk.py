#!/usr/bin/env python3
"""Disks that fail and fill, met by the real command: 503 and 507, reading goes on, recovery needs nobody."""
import json
import os
import resource
import subprocess
import time
import unittest
import uuid

from house import Case, DONE


def events(count, person="mook", size=0, name="Visited"):
    return {"events": [{"id": str(uuid.uuid4()), "event": name, "person": f"{person}-{i % 50}",
                        "time": "2026-03-01T10:00:00Z", "properties": {"note": os.urandom(size // 2).hex()}}
                       for i in range(count)]}


class FailingDisk(Case):
    """A limit on the size of files is a write that fails: what the disk holds is unknown."""

    def limit(self, server, size):
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def test_a_failed_write_is_503_and_heals(self):
        key, secret = self.project()
        server = self.serve()
        sent = events(20)
        self.assertEqual(server.send(key, sent).status, 200)
        self.limit(server, 4096)
        refused = server.send(key, events(2000, size=1000, name="Refused"))
        self.assertEqual(refused.status, 503, refused.body)
        self.assertIn("retry-after", refused.headers)
        again = server.send(key, events(1, name="Refused"))
        self.assertEqual(again.status, 503, again.body)
        self.assertIn("write failed", again.error()["message"])
        self.assertEqual(server.get("/readyz").status, 503)
        ask = {"insight": "trends", "series": [{"event": "Visited"}], "from": "2026-03-01",
               "to": "2026-03-02", "interval": "day", "timezone": "UTC"}
        answer = server.send(secret, ask, path="/api/v1/projects/shop/query")
        self.assertEqual(answer.status, 200, answer.body)
        self.assertIn("20", answer.body.decode())
        self.limit(server, resource.RLIM_INFINITY)  # the disk works again; nobody touches the server
        end = time.monotonic() + 30
        while (reply := server.send(key, sent)).status != 200:
            self.assertEqual(reply.status, 503, reply.body)
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)
        self.assertEqual(reply.json(), {"accepted": 0, "duplicates": 20})
        self.assertEqual(server.get("/readyz").status, 200)
        self.assertEqual(server.stop()[0], DONE)
        answer = json.loads(self.done("query", "--project", "shop", "--json", json.dumps(ask)).out)
        self.assertIn("20", json.dumps(answer))
        self.assertIn("read its log again and takes events, after a write failed", server.errors())


class FullDisk(Case):
    """A file system of a few MiB in memory."""

    def setUp(self):
        super().setUp()
        self.small = os.path.join(self.folder, "small")
        os.mkdir(self.small)
        self.mount("size=8m")
        self.data = os.path.join(self.small, "data")

    def mount(self, size):
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", self.small],
                              capture_output=True, text=True, check=False)
        if done.returncode:
            self.skipTest("mounting is not allowed here: " + done.stderr.strip())
        if "remount" not in size:
            self.addCleanup(subprocess.run, ["umount", "-l", self.small], check=False)

    def fill(self, server, key):
        """Sends until the disk is full; how many events were taken."""
        taken = 0
        for _ in range(200):
            reply = server.send(key, events(100, size=1000, name="Filled"))
            if reply.status == 507:
                self.assertIn("retry-after", reply.headers)
                self.assertIn("space", reply.error()["message"] + reply.error()["hint"])
                return taken
            self.assertEqual(reply.status, 200, reply.body)
            taken += reply.json()["accepted"]
        self.fail("8 MiB are never full")

    def count(self, server, secret, name):
        ask = {"insight": "trends", "series": [{"event": name}], "from": "2026-03-01",
               "to": "2026-03-02", "interval": "day", "timezone": "UTC"}
        reply = server.send(secret, ask, path="/api/v1/projects/shop/query")
        self.assertEqual(reply.status, 200, reply.body)
        return sum(sum(v or 0 for v in s["values"]) for s in reply.json()["series"])

    def test_507_reading_and_recovery(self):
        key, secret = self.project()
        server = self.serve()
        ballast = os.path.join(self.small, "ballast")
        with open(ballast, "wb") as f:
            f.write(b"x" * (2 << 20))
        taken = self.fill(server, key)
        self.assertEqual(self.count(server, secret, "Filled"), taken)
        self.assertEqual(server.get("/healthz").status, 200)
        os.remove(ballast)
        reply = server.send(key, events(100, name="After"))
        self.assertEqual(reply.status, 200, reply.body)  # by itself, at once
        taken += self.fill(server, key)
        self.assertEqual(self.count(server, secret, "Filled"), taken)
        server.kill()  # and it starts on the full disk
        server = self.serve()
        self.assertEqual(self.count(server, secret, "Filled"), taken)
        self.assertEqual(self.count(server, secret, "After"), 100)
        self.mount("remount,size=64m")
        reply = server.send(key, events(100, name="After"))
        self.assertEqual(reply.status, 200, reply.body)
        self.assertEqual(self.count(server, secret, "After"), 200)
        code, seconds = server.stop()
        self.assertEqual(code, DONE)
        self.assertLess(seconds, 10)

    def test_people_are_erased_on_a_full_disk(self):
        key, secret = self.project()
        server = self.serve()
        reply = server.send(key, events(50, person="gone", name="Erased"))
        self.assertEqual(reply.status, 200, reply.body)
        self.fill(server, key)
        before = self.count(server, secret, "Erased")
        done = self.run_tenure("erase", "--project", "shop", "--person", "gone-7", "--json")
        self.assertEqual(done.code, DONE, done.err)
        self.assertEqual(self.count(server, secret, "Erased"), before - 1)


if __name__ == "__main__":
    unittest.main()
