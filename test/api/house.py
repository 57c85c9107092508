"""What the API tests share: running the command, a server of its own, HTTP with plain sockets."""
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TENURE = os.environ.get("TENURE", os.path.join(ROOT, "build", "tenure"))
DONE, FAILED, WRONG = 0, 1, 2


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def json(self):
        return json.loads(self.out)


class Reply:
    def __init__(self, response):
        self.status = response.status
        self.body = response.read()
        self.all = response.getheaders()
        self.headers = {k.lower(): v for k, v in self.all}

    def json(self):
        return json.loads(self.body)

    def error(self):
        return self.json()["error"]


class Server:
    """`tenure serve` (or demo) on a free port; stops in close()."""

    def __init__(self, data, *options, command="serve", env=None, port=0):
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [TENURE, command, "--data", data, "--listen", f"127.0.0.1:{port}", *options],
            stdout=subprocess.PIPE, stderr=self.log, text=True, env=clean_env(env))
        self.lines = []
        self.url = self.link = None
        for line in self.process.stdout:
            self.lines.append(line)
            found = re.search(r"(\S+/signin\?token=\S+)", line)
            if found:
                self.link = found.group(1)
                break
        if not self.link:
            raise AssertionError("the server did not start: " + self.errors())
        self.port = port or int(re.search(r"http://127\.0\.0\.1:(\d+)", "".join(self.lines)).group(1))
        self.url = f"http://127.0.0.1:{self.port}"

    def errors(self):
        self.log.seek(0)
        return self.log.read()

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            if isinstance(body, (dict, list)):
                body = json.dumps(body)
            connection.request(method, path, body, headers or {})
            return Reply(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.request("GET", path, None, {k.replace("_", "-"): v for k, v in headers.items()})

    def send(self, key, body, path="/api/v1/events", **headers):
        headers = {k.replace("_", "-"): v for k, v in headers.items()}
        if key:
            headers["Authorization"] = "Bearer " + key
        return self.request("POST", path, body, headers)

    def sign_in(self, link=None):
        """Uses a link; answers the Cookie header of the session."""
        path = re.sub(r"^https?://[^/]+", "", link or self.link)
        reply = self.get(path)
        if reply.status != 303:
            raise AssertionError(f"signing in gave {reply.status}")
        return reply.headers["set-cookie"].split(";")[0]

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """Stops as systemd would; answers the exit code and the seconds it took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=15)
        return code, time.monotonic() - began

    def close(self):
        if self.process.poll() is None:
            self.kill()
        self.process.stdout.close()
        self.log.close()


NOBODY = 65534


def plain_user():
    """(user for subprocess, None or why not): rights do not bind root, so root becomes nobody."""
    if os.geteuid() != 0:
        return None, None
    try:
        subprocess.run([TENURE, "version"], user=NOBODY, capture_output=True, check=True, cwd="/")
    except (OSError, subprocess.SubprocessError):
        return None, "the command cannot be run by another user"
    return NOBODY, None


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def clean_env(more=None):
    env = {k: v for k, v in os.environ.items() if not k.startswith("TENURE")}
    env.update({"LC_ALL": "C.UTF-8", **(more or {})})
    return env


class Case(unittest.TestCase):
    """Each test has a folder of its own; self.data is a data directory inside."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="tenure-api-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.data = os.path.join(self.folder, "data")

    def run_tenure(self, *words, data=None, stdin="", env=None, cwd=None, timeout=60, user=None):
        words = [str(w) for w in words]
        if data is not False and words and "--data" not in words:
            words += ["--data", data or self.data]
        done = subprocess.run([TENURE, *words], input=stdin, capture_output=True, text=True,
                              env=clean_env(env), cwd=cwd or self.folder, timeout=timeout, user=user)
        return Result(done.returncode, done.stdout, done.stderr)

    def done(self, *words, **more):
        result = self.run_tenure(*words, **more)
        self.assertEqual(result.code, DONE, result.err)
        return result

    def refused(self, code, says, *words, **more):
        """The command ends with that code, one sentence on standard error, nothing else there."""
        result = self.run_tenure(*words, **more)
        self.assertEqual(result.code, code, result.out + result.err)
        self.assertIn(says, result.err)
        self.assertTrue(result.err.startswith("tenure: "), result.err)
        self.assertLessEqual(len(result.err.strip().split("\n")), 3, result.err)
        return result

    def serve(self, *options, **more):
        server = Server(more.pop("data", self.data), *options, **more)
        self.addCleanup(server.close)
        return server

    def file(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())
        return path

    def plain_user(self):
        """Whom to run as so that rights bind; the test's folder is theirs."""
        user, why_not = plain_user()
        if why_not:
            self.skipTest(why_not)
        if user is not None:
            for folder, _, names in os.walk(self.folder):
                os.chown(folder, user, user)
                for name in names:
                    os.chown(os.path.join(folder, name), user, user)
        return user

    def project(self, name="shop"):
        made = self.done("project", "create", name, "--json").json()
        return made["write_key"], made["secret_key"]

    def events(self, project="main"):
        """How many events the project holds, by the command."""
        state = self.done("status", "--json").json()
        for p in state["projects"]:
            if p["project"] == project:
                return p["events"]
        return None


def line(event="A", person="p", **more):
    return json.dumps({"event": event, "person": person, "time": "2026-01-05T00:00:00Z", **more})


def main():
    unittest.main(verbosity=2)
