#!/usr/bin/env python3
"""The server's manners: headers, errors, signing in, and who may do what."""
import gzip
import http.client
import json
import re

from house import Case, free_port, line, main

POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
          "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
          "frame-ancestors 'none'")
QUESTION = {"insight": "trends", "from": "2026-01-01", "to": "2026-01-31", "series": [{"event": None}]}


class WithServer(Case):
    def setUp(self):
        super().setUp()
        self.write_key, self.secret_key = self.project()
        self.done("import", "-", "--format", "events", "--project", "shop", stdin=line("A", "p"))
        self.server = self.serve()

    def ask(self, path="/api/v1/projects/shop/query", body=QUESTION, **headers):
        headers = {k.replace("_", "-"): v for k, v in headers.items()}
        return self.server.request("POST", path, body, headers)


class Manners(WithServer):
    def test_every_reply_is_dressed(self):
        for path, status in [("/", 200), ("/healthz", 200), ("/nowhere.js", 404), ("/api/v1/me", 401)]:
            reply = self.server.get(path)
            self.assertEqual(reply.status, status)
            self.assertEqual(reply.headers["content-security-policy"], POLICY)
            self.assertEqual(reply.headers["x-content-type-options"], "nosniff")
            self.assertEqual(reply.headers["referrer-policy"], "no-referrer")
            self.assertEqual(reply.headers["cross-origin-opener-policy"], "same-origin")
            self.assertEqual(reply.headers["cross-origin-resource-policy"], "same-origin")
            self.assertRegex(reply.headers["x-request-id"], r"^[0-9a-f]{16}$")
            self.assertNotIn("strict-transport-security", reply.headers)
        self.assertEqual(self.server.get("/healthz").headers["cache-control"], "no-store")

    def test_probes_and_figures(self):
        self.assertEqual(self.server.get("/healthz").json(), {"status": "ok"})
        self.assertEqual(self.server.get("/readyz").json(), {"status": "ready"})
        self.server.send(self.write_key, {"events": [{"event": "A", "person": "p"}] * 3})
        figures = self.server.get("/metrics")
        self.assertTrue(figures.headers["content-type"].startswith("text/plain; version=0.0.4"))
        self.assertIn(b"\ntenure_events_accepted_total 3\n", figures.body)
        self.assertEqual(self.server.get("/metrics", X_Forwarded_For="192.0.2.7").status, 401)
        self.assertEqual(self.server.get("/metrics", X_Forwarded_For="192.0.2.7",
                                         Authorization="Bearer " + self.secret_key).status, 200)

    def test_openapi_lists_the_routes(self):
        described = self.server.get("/openapi.json").json()
        self.assertTrue(described["openapi"].startswith("3."))
        for path in ("/api/v1/events", "/v1/batch", "/segment/v1/t",
                     "/api/v1/projects/{project}/query", "/api/v1/me"):
            self.assertIn(path, described["paths"])
        post = described["paths"]["/api/v1/projects/{project}/query"]["post"]
        self.assertEqual(post["security"], [{"key": []}, {"session": []}])

    def test_paths_and_methods(self):
        self.assertEqual(self.server.get("/api/v1/nothing").error()["code"], "not_found")
        reply = self.server.get("/api/v1/events")
        self.assertEqual((reply.status, reply.headers["allow"]), (405, "POST, OPTIONS"))
        self.assertEqual(self.server.request("BREW", "/healthz").status, 405)
        head = self.server.request("HEAD", "/healthz")
        self.assertEqual((head.status, head.body, head.headers["content-length"]), (200, b"", "15"))
        self.assertEqual(self.server.request("OPTIONS", "/healthz").headers["allow"],
                         "GET, HEAD, OPTIONS")

    def test_names_of_other_hosts_are_not_answered(self):
        for host in ("evil.example", "evil.example:8080", "127.0.0.1.evil.example"):
            reply = self.server.get("/", Host=host)
            self.assertEqual((reply.status, reply.error()["code"]), (403, "http.host"))
        self.assertEqual(self.server.get("/", Host="localhost:1").status, 200)

    def test_pages_and_files_of_the_dashboard(self):
        page = self.server.get("/")
        self.assertTrue(page.headers["content-type"].startswith("text/html"))
        self.assertEqual(self.server.get("/some/page").body, page.body)
        self.assertEqual(self.server.get("/some/file.js").status, 404)
        again = self.server.get("/", If_None_Match=page.headers["etag"])
        self.assertEqual((again.status, again.body), (304, b""))
        packed = self.server.get("/", Accept_Encoding="br, gzip")
        if packed.headers.get("content-encoding") == "gzip":
            self.assertEqual(gzip.decompress(packed.body), page.body)
        self.assertNotIn(b"http://", re.sub(rb"http://www\.w3\.org", b"", page.body))


class SigningIn(WithServer):
    def test_a_link_works_once(self):
        path = self.server.link[len(self.server.url):]
        self.assertEqual(self.server.request("HEAD", path).status, 200)  # looking uses nothing up
        reply = self.server.get(path)
        self.assertEqual((reply.status, reply.headers["location"]), (303, "/"))
        cookie = reply.headers["set-cookie"]
        self.assertRegex(cookie, r"^tenure_session=[A-Za-z0-9_-]{43}; Path=/; Max-Age=604800; "
                                 r"HttpOnly; SameSite=Lax$")
        second = self.server.get(path)
        self.assertEqual(second.status, 401)
        # The dashboard says so itself; a build without it has a page that does.
        self.assertTrue(b"tenure signin" in second.body or second.body == self.server.get("/").body)
        self.assertNotIn("set-cookie", second.headers)
        self.assertEqual(self.server.get("/signin?token=guess").status, 401)
        self.assertEqual(self.server.get("/signin").status, 401)

    def test_me_and_signing_out(self):
        self.assertEqual(self.server.get("/api/v1/me").status, 401)
        self.assertEqual(self.server.get("/api/v1/me", Cookie="tenure_session=" + "x" * 43).status, 401)
        cookie = self.server.sign_in()
        me = self.server.get("/api/v1/me", Cookie="other=1; " + cookie).json()
        self.assertEqual(me, {"projects": [{
            "name": "shop", "simulated": False, "timezone": "UTC", "week_start": "monday",
            "first_event": "2026-01-05T00:00:00Z", "last_event": "2026-01-05T00:00:00Z",
            "events": 1, "people": 1}]})
        headers = {"Cookie": cookie, "Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"}
        out = self.server.request("POST", "/api/v1/signout", "{}", headers)
        self.assertEqual(out.status, 200)
        self.assertIn("Max-Age=0", out.headers["set-cookie"])
        self.assertEqual(self.server.get("/api/v1/me", Cookie=cookie).status, 401)

    def test_only_our_own_page_may_use_the_session(self):
        cookie = self.server.sign_in()
        own = {"Cookie": cookie, "Content_Type": "application/json"}
        host = f"127.0.0.1:{self.server.port}"
        for headers, status in [
                ({"Sec_Fetch_Site": "same-origin"}, 200),
                ({"Origin": "http://" + host}, 200),
                ({"Sec_Fetch_Site": "same-origin", "Origin": "http://" + host}, 200),
                ({}, 403),
                ({"Sec_Fetch_Site": "cross-site"}, 403),
                ({"Sec_Fetch_Site": "same-site"}, 403),
                ({"Sec_Fetch_Site": "none"}, 403),
                ({"Sec_Fetch_Site": "cross-site", "Origin": "http://" + host}, 403),
                ({"Origin": "http://evil.example"}, 403),
                ({"Origin": f"http://evil.example/{host}"}, 403),
                ({"Origin": "null"}, 403)]:
            self.assertEqual(self.ask(**own, **headers).status, status, headers)
        own["Content_Type"] = "text/plain"
        refused = self.ask(**own, Sec_Fetch_Site="same-origin")
        self.assertEqual((refused.status, refused.error()["code"]), (415, "csrf.content_type"))

    def test_behind_https_the_cookie_is_bound_to_the_host(self):
        self.server.close()
        server = self.serve("--public-url", "https://tenure.example/", port=free_port())
        self.assertTrue(server.link.startswith("https://tenure.example/signin?token="))
        path = server.link[len("https://tenure.example"):]
        reply = server.get(path, Host="tenure.example")
        self.assertEqual(reply.status, 303)
        self.assertRegex(reply.headers["set-cookie"], r"^__Host-tenure=[A-Za-z0-9_-]{43}; Path=/; "
                                                      r"Max-Age=604800; HttpOnly; SameSite=Lax; Secure$")
        self.assertIn("max-age=", reply.headers["strict-transport-security"])
        cookie = reply.headers["set-cookie"].split(";")[0]
        self.assertEqual(server.get("/api/v1/me", Cookie=cookie, Host="tenure.example").status, 200)
        plain = cookie.replace("__Host-tenure", "tenure_session")
        self.assertEqual(server.get("/api/v1/me", Cookie=plain, Host="tenure.example").status, 401)
        self.assertEqual(server.get("/", Host="other.example").status, 403)


class Keys(WithServer):
    def test_who_may_ask(self):
        read = self.done("key", "create", "--scope", "read", "--project", "shop").out.strip()
        other = self.project("farm")[1]
        for key, status in [(self.secret_key, 200), (read, 200), (self.write_key, 403), (other, 403),
                            ("ta_00000000_" + "x" * 43, 401), ("nonsense", 401)]:
            self.assertEqual(self.ask(Authorization="Bearer " + key).status, status)
        refused = self.ask()
        self.assertEqual(refused.status, 401)
        self.assertEqual(refused.headers["www-authenticate"], "Bearer")

    def test_who_may_send(self):
        read = self.done("key", "create", "--scope", "read", "--project", "shop").out.strip()
        events = {"events": [{"event": "A", "person": "p"}]}
        for key, status in [(self.write_key, 200), (self.secret_key, 200), (read, 403),
                            ("tw_00000000_" + "x" * 43, 401), (None, 401)]:
            self.assertEqual(self.server.send(key, events).status, status)

    def test_answers_and_definitions(self):
        reply = self.ask(Authorization="Bearer " + self.secret_key)
        self.assertEqual(reply.status, 200)
        self.assertEqual(sum(reply.json()["series"][0]["values"]), 1)
        wrong = self.ask(body={"insight": "trends", "serie": []}, Authorization="Bearer " + self.secret_key)
        self.assertEqual(wrong.status, 400)
        self.assertEqual(wrong.error()["at"], "/serie")
        unknown = self.ask(body={"insight": "trends", "series": [{"event": "nope"}]},
                           Authorization="Bearer " + self.secret_key)
        self.assertEqual(unknown.status, 422)
        self.server.send(self.write_key, {"events": [
            {"event": "B", "person": "q", "time": "2026-01-06T00:00:00Z",
             "properties": {"plan": "pro", "seats": 4}}]})
        known = self.server.get("/api/v1/projects/shop/definitions",
                                Authorization="Bearer " + self.secret_key).json()
        self.assertEqual({e["name"]: e["count"] for e in known["events"]}, {"A": 1, "B": 1})
        (first,) = [e for e in known["events"] if e["name"] == "B"]
        self.assertEqual(first["first_seen"], "2026-01-06T00:00:00Z")
        by_name = {p["name"]: p for p in known["properties"]}
        self.assertEqual(by_name["plan"]["types"], ["text"])
        self.assertEqual(by_name["plan"]["values"], ["pro"])
        self.assertEqual(by_name["seats"]["types"], ["number"])

    def test_a_project_that_is_not_there(self):
        cookie = self.server.sign_in()
        reply = self.ask("/api/v1/projects/nowhere/query", Cookie=cookie,
                         Content_Type="application/json", Sec_Fetch_Site="same-origin")
        self.assertEqual((reply.status, reply.error()["code"]), (404, "project.unknown"))
        reply = self.ask("/api/v1/projects/Bad%20Name/query", Cookie=cookie,
                         Content_Type="application/json", Sec_Fetch_Site="same-origin")
        self.assertEqual(reply.status, 404)


if __name__ == "__main__":
    main()
