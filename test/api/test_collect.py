#!/usr/bin/env python3
"""Taking in events over HTTP: native and Segment shapes, limits, packed bodies, other sites."""
import base64
import gzip
import json
import shutil
import subprocess
import unittest

from house import Case, main


def event(**more):
    return {"event": "A", "person": "p", "time": "2026-01-05T00:00:00Z", **more}


class WithServer(Case):
    def setUp(self):
        super().setUp()
        self.key, self.secret = self.project()
        self.server = self.serve()

    def count(self):
        return self.events("shop")


class Native(WithServer):
    def test_bodies(self):
        send = lambda body: self.server.send(self.key, body)
        self.assertEqual(send({"events": [event(id="1"), event(id="2")]}).json(),
                         {"accepted": 2, "duplicates": 0})
        self.assertEqual(send({"events": [event(id="2"), event(id="3")]}).json(),
                         {"accepted": 1, "duplicates": 1})
        lines = "\n".join(json.dumps(event(id=str(n))) for n in range(10, 15)) + "\n"
        self.assertEqual(send(lines).json()["accepted"], 5)
        self.assertEqual(send(gzip.compress(json.dumps({"events": [event(id="gz")]}).encode())).json(),
                         {"accepted": 1, "duplicates": 0})
        self.assertEqual(send({"events": [event(), event()]}).json()["accepted"], 2)  # fresh ids
        self.assertEqual(self.count(), 11)

    def test_a_sent_again_id_with_another_body_is_reported(self):
        self.server.send(self.key, {"events": [event(id="1")]})
        reply = self.server.send(self.key, {"events": [event(id="1", person="q")]}).json()
        self.assertEqual(reply, {"accepted": 0, "duplicates": 1, "conflicts": 1})

    def test_traits_and_merges(self):
        reply = self.server.send(self.key, {"events": [
            {"person": "p", "traits": {"plan": "pro"}}, {"person": "p", "merge": ["anon"]}]})
        self.assertEqual((reply.status, reply.json()["accepted"]), (200, 2))

    @unittest.skipUnless(shutil.which("zstd"), "needs the zstd command")
    def test_zstd(self):
        packed = subprocess.run(["zstd", "-q", "-c"], input=json.dumps({"events": [event()]}).encode(),
                                capture_output=True, check=True).stdout
        self.assertEqual(self.server.send(self.key, packed).json()["accepted"], 1)

    def test_the_first_offending_member_is_named_and_nothing_stored(self):
        for body, at in [
                ({"events": [event(), event(person="")]}, "/events/1/person"),
                ({"events": [event(), {"event": "A"}]}, "/events/1"),
                ({"events": [event(), {"event": 7, "person": "p"}]}, "/events/1/event"),
                ({"events": [event(time="yesterday")]}, "/events/0/time"),
                ({"events": [event(properties={"x": "y" * 40000})]}, "/events/0/properties/x"),
                ({"events": [event(wrong=1)]}, "/events/0/wrong"),
                ({"events": [event(properties=[1])]}, "/events/0/properties")]:
            reply = self.server.send(self.key, body)
            self.assertIn(reply.status, (400, 413), reply.body)
            self.assertTrue(reply.error()["at"].startswith(at), (reply.error(), at))
            self.assertTrue(reply.error()["message"])
        for body in ("", "{", "nonsense", '{"events":{}}', "[1]", gzip.compress(b"{}")[:12]):
            self.assertEqual(self.server.send(self.key, body).status, 400, body)
        self.assertEqual(self.count(), 0)

    def test_limits(self):
        many = self.server.send(self.key, {"events": [event()] * 2001})
        self.assertEqual((many.status, many.error()["code"]), (413, "batch.too_many"))
        self.assertEqual(self.server.send(self.key, {"events": [event()] * 2000}).status, 200)
        large = self.server.send(self.key, b"[" + b" " * (10 << 20) + b"]")
        self.assertEqual((large.status, large.error()["code"]), (413, "too_large"))
        bomb = self.server.send(self.key, gzip.compress(b" " * (9 << 20)))
        self.assertEqual(bomb.status, 413)
        self.assertEqual(self.count(), 2000)


class Segment(WithServer):
    CALLS = [
        (("track", "t"), {"event": "A", "userId": "p"}),
        (("identify", "i"), {"userId": "p", "traits": {"plan": "pro"}}),
        (("page", "p"), {"name": "Home", "anonymousId": "a"}),
        (("screen", "s"), {"name": "Home", "userId": "p"}),
        (("group", "g"), {"groupId": "acme", "userId": "p", "traits": {"size": 4}}),
        (("alias", "a"), {"previousId": "a", "userId": "p"}),
        (("batch", "b", "import"), {"batch": [{"type": "track", "event": "A", "userId": "p"}]}),
    ]

    def test_each_call_in_each_spelling(self):
        basic = "Basic " + base64.b64encode((self.key + ":").encode()).decode()
        sent = 0
        for words, body in self.CALLS:
            for word in words:
                for prefix in ("/v1/", "/segment/v1/"):
                    sent += 1
                    body = json.loads(json.dumps(body))
                    for call in body.get("batch", [body]):
                        call["messageId"] = f"m-{sent}"
                    reply = self.server.request("POST", prefix + word, body, {"Authorization": basic})
                    self.assertEqual(reply.status, 200, (word, reply.body))
                    self.assertIs(reply.json()["success"], True)
        reply = self.server.request("POST", "/v1/batch/", {"batch": [
            {"type": "track", "event": "A", "userId": "p"}]}, {"Authorization": basic})
        self.assertEqual(reply.status, 200)  # a slash at the end is fine
        self.assertGreater(self.count(), 0)

    def test_the_key_in_the_body(self):
        body = {"event": "A", "userId": "p", "writeKey": self.key}
        text = json.dumps(body)
        self.assertEqual(self.server.request("POST", "/v1/t", text,
                                             {"Content-Type": "text/plain"}).status, 200)
        body["writeKey"] = "tw_00000000_" + "x" * 43
        self.assertEqual(self.server.request("POST", "/v1/t", body).status, 401)
        del body["writeKey"]
        self.assertEqual(self.server.request("POST", "/v1/t", body).status, 401)
        self.assertEqual(self.server.request("POST", "/v1/b?writeKey=" + self.key, {"batch": [
            {"type": "track", "event": "A", "userId": "p"}]}).status, 200)  # as beacons send it
        self.assertEqual(self.count(), 2)

    def test_the_same_message_counts_once(self):
        body = {"batch": [{"type": "track", "event": "A", "userId": "p", "messageId": "m",
                           "timestamp": "2026-01-05T00:00:00Z"}]}
        self.assertEqual(self.server.send(self.key, body, "/v1/batch").json()["accepted"], 1)
        again = self.server.send(self.key, body, "/v1/batch").json()
        self.assertEqual((again["accepted"], again["duplicates"]), (0, 1))
        self.assertEqual(self.count(), 1)

    def test_bad_bodies(self):
        for body in ("{", {"batch": 7}, {"batch": [{"type": "track", "event": "A"}]},
                     {"batch": [{"type": "dance", "userId": "p"}]}):
            reply = self.server.send(self.key, body, "/v1/batch")
            self.assertEqual(reply.status, 400, reply.body)
            self.assertTrue(reply.error()["message"])
        self.assertEqual(self.server.send(self.key, {}, "/v1/dance").status, 404)
        self.assertEqual(self.count(), 0)


class OtherSites(WithServer):
    def test_browsers_of_other_sites_may_send_and_not_ask(self):
        origin = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST",
                  "Access-Control-Request-Headers": "authorization,content-type"}
        for path in ("/api/v1/events", "/v1/t", "/segment/v1/batch"):
            reply = self.server.request("OPTIONS", path, None, origin)
            self.assertEqual(reply.status, 204)
            self.assertEqual(reply.headers["access-control-allow-origin"], "https://shop.example")
            self.assertEqual(reply.headers["access-control-allow-headers"], "authorization,content-type")
            self.assertIn("POST", reply.headers["access-control-allow-methods"])
        reply = self.server.request("OPTIONS", "/api/v1/projects/shop/query", None, origin)
        self.assertNotIn("access-control-allow-origin", reply.headers)
        reply = self.server.send(self.key, {"event": "A", "userId": "p"}, "/v1/t",
                                 Origin="https://shop.example")
        self.assertEqual(reply.headers["access-control-allow-origin"], "https://shop.example")
        self.assertEqual(reply.headers["cross-origin-resource-policy"], "cross-origin")


if __name__ == "__main__":
    main()
