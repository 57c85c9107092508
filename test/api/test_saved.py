#!/usr/bin/env python3
"""Saved insights, dashboards, annotations and alerts: made once, listed page by page, replaced only where
the reader's version still stands, refused in the words of a question, asked, evaluated."""
import json
import sqlite3
import os
import time

from house import DONE, FAILED, WRONG, Case, Server, main

SIGNUPS = {"insight": "trends", "interval": "day", "last": "7d", "series": [{"event": "Signed Up"}]}
ALL_TIME = {"from": "2026-01-01", "to": "2026-01-31"}


class Saved(Case):
    def setUp(self):
        super().setUp()
        keys = self.run_tenure("project", "create", "main", "--timezone", "Asia/Bangkok",
                               "--json").json()
        self.write, self.secret = keys["write_key"], keys["secret_key"]
        self.server = Server(self.data)
        self.addCleanup(lambda: self.server.close())
        events = [{"event": "Signed Up", "person": f"u{i % 7}", "id": f"s{i}",
                   "time": f"2026-01-{i % 28 + 1:02}T05:00:00Z",
                   "properties": {"plan": ["free", "pro"][i % 2]}} for i in range(56)]
        self.assertEqual(self.server.send(self.write, {"events": events}).status, 200)

    def call(self, method, path, body=None, key=None, **headers):
        headers = {k.replace("_", "-"): v for k, v in headers.items()}
        headers["Authorization"] = "Bearer " + (key or self.secret)
        return self.server.request(method, "/api/v1/projects/main/" + path, body, headers)

    def make(self, kind, **body):
        reply = self.call("POST", kind, body)
        self.assertEqual(reply.status, 201, reply.body)
        return reply.json()

    def insight(self, name="Sign-ups", question=None, **more):
        return self.make("insights", name=name, question=question or SIGNUPS, **more)


class Documents(Saved):
    def test_a_document_is_made_read_replaced_and_removed(self):
        made = self.insight(description="how many a day")
        self.assertEqual((made["version"], made["name"], made["question"]), (1, "Sign-ups", SIGNUPS))
        self.assertRegex(made["created"], r"^20\d\d-")
        read = self.call("GET", "insights/" + made["id"])
        self.assertEqual((read.json(), read.headers["etag"]), (made, '"1"'))

        made["name"] = "Sign-ups a day"
        done = self.call("PUT", "insights/" + made["id"], made, If_Match='"1"')
        self.assertEqual((done.status, done.headers["etag"]), (200, '"2"'))
        self.assertEqual(done.json()["name"], "Sign-ups a day")
        self.assertEqual(done.json()["created"], made["created"])

        late = self.call("PUT", "insights/" + made["id"], made, If_Match='"1"')
        self.assertEqual((late.status, late.error()["code"]), (412, "document.changed"))
        body_only = self.call("PUT", "insights/" + made["id"], made)  # "version":1 says the same
        self.assertEqual(body_only.status, 412)
        self.assertEqual(self.call("DELETE", "insights/" + made["id"], If_Match='"1"').status, 412)
        self.assertEqual(self.call("PUT", "insights/" + made["id"], made, If_Match="old").status, 412)
        self.assertEqual(self.call("DELETE", "insights/" + made["id"], If_Match='"2"').status, 200)
        gone = self.call("GET", "insights/" + made["id"])
        self.assertEqual((gone.status, gone.error()["code"]), (404, "document.unknown"))
        self.assertEqual(self.call("PUT", "insights/" + made["id"], made).status, 404)

    def test_making_the_same_twice_makes_it_once(self):
        body = {"id": "weekly", "name": "Weekly", "question": SIGNUPS}
        self.assertEqual(self.call("POST", "insights", body).status, 201)
        self.assertEqual(self.call("POST", "insights", body).status, 200)
        other = self.call("POST", "insights", {**body, "name": "Weekly 2"})
        self.assertEqual((other.status, other.error()["code"]), (409, "document.exists"))
        twin = self.call("POST", "insights", {"name": "Weekly", "question": SIGNUPS})
        self.assertEqual((twin.status, twin.error()["code"], twin.error()["at"]),
                         (409, "document.taken", "/name"))

        keyed = {"name": "By key", "question": SIGNUPS}
        first = self.call("POST", "insights", keyed, Idempotency_Key="abc")
        again = self.call("POST", "insights", keyed, Idempotency_Key="abc")
        self.assertEqual((first.status, again.status), (201, 200))
        self.assertEqual(first.json(), again.json())
        self.assertEqual(self.call("POST", "insights", {"name": "Other", "question": SIGNUPS},
                                   Idempotency_Key="abc").status, 409)
        self.assertEqual(len(self.call("GET", "insights").json()["insights"]), 2)

    def test_a_list_is_read_page_by_page_and_survives_a_kill(self):
        names = [f"Insight {i}" for i in range(7)]
        for name in names:
            self.insight(name)
        self.server.close()  # kill -9
        self.server = Server(self.data)
        seen, cursor, pages = [], None, 0
        while True:
            page = self.call("GET", "insights?limit=3" + (f"&cursor={cursor}" if cursor else ""))
            self.assertEqual(page.status, 200, page.body)
            seen += [x["name"] for x in page.json()["insights"]]
            cursor, pages = page.json()["cursor"], pages + 1
            if not cursor:
                break
        self.assertEqual((sorted(seen), pages), (names, 3))
        for wrong in ("limit=0", "limit=1001", "limit=x", "cursor=there"):
            self.assertEqual(self.call("GET", "insights?" + wrong).status, 400, wrong)

    def test_wrong_questions_are_refused_in_their_own_words(self):
        wrong = {"insight": "funnel", "steps": [{"event": "Signed Up"}, {"evnt": "Signed Up"}]}
        asked = self.call("POST", "query", wrong).error()
        saved = self.call("POST", "insights", {"name": "F", "question": wrong})
        self.assertEqual(saved.status, 400)
        self.assertEqual(saved.error(), {**asked, "at": "/question" + asked["at"]})
        self.assertEqual(saved.error()["at"], "/question/steps/1/evnt")

        unknown = self.call("POST", "insights", {"name": "F", "question": {
            "insight": "trends", "series": [{"event": "Signed Upp"}]}})
        self.assertEqual((unknown.status, unknown.error()["code"], unknown.error()["at"]),
                         (422, "query.unknown_event", "/question/series/0/event"))
        line = self.call("POST", "insights", {"name": "F", "question": {"text": "trend people of \"Signed Upp\""}})
        self.assertEqual(line.status, 422)
        self.assertRegex(line.error()["at"], r"^/question, character \d+$")
        for body, at in (
                ({"question": SIGNUPS}, "/name"),
                ({"name": "", "question": SIGNUPS}, "/name"),
                ({"name": " x", "question": SIGNUPS}, "/name"),
                ({"name": "a\nb", "question": SIGNUPS}, "/name"),
                ({"name": "x" * 201, "question": SIGNUPS}, "/name"),
                ({"name": 7, "question": SIGNUPS}, "/name"),
                ({"name": "F"}, "/question"),
                ({"name": "F", "question": "trend"}, "/question"),
                ({"name": "F", "question": SIGNUPS, "colour": 1}, "/colour"),
                ({"name": "F", "question": SIGNUPS, "id": "a/b"}, "/id"),
                ({"name": "F", "question": SIGNUPS, "id": "x" * 65}, "/id"),
                ([], "")):
            refused = self.call("POST", "insights", body)
            self.assertEqual((refused.status, refused.error()["at"]), (400, at), refused.body)
        large = {"name": "F", "description": "x" * (256 << 10), "question": SIGNUPS}
        self.assertEqual(self.call("POST", "insights", large).status, 413)
        self.assertEqual(self.call("GET", "insights").json()["insights"], [])

    def test_a_line_of_words_is_kept_as_json(self):
        made = self.insight(question={"text": "trend people of \"Signed Up\" daily last 30d"})
        self.assertEqual(made["question"]["insight"], "trends")
        self.assertEqual(made["question"]["series"], [{"event": "Signed Up", "math": "people"}])

    def test_who_may(self):
        read = self.run_tenure("key", "create", "--scope", "read", "--json").json()["key"]
        made = self.insight()
        self.assertEqual(self.call("GET", "insights", key=read).status, 200)
        self.assertEqual(self.call("POST", "insights", {}, key=read).status, 403)
        self.assertEqual(self.call("PUT", "insights/" + made["id"], {}, key=read).status, 403)
        self.assertEqual(self.call("DELETE", "insights/" + made["id"], key=read).status, 403)
        self.assertEqual(self.call("GET", "insights", key=self.write).status, 403)
        other = self.run_tenure("project", "create", "other", "--json").json()["secret_key"]
        self.assertEqual(self.call("GET", "insights", key=other).status, 403)
        cookie = self.server.sign_in()
        signed = {"Cookie": cookie, "Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"}
        path = "/api/v1/projects/main/insights"
        done = self.server.request("POST", path, {"name": "Mine", "question": SIGNUPS}, signed)
        self.assertEqual(done.status, 201)
        foreign = {**signed, "Sec-Fetch-Site": "cross-site"}
        self.assertEqual(self.server.request("DELETE", f"{path}/{made['id']}", None, foreign).status, 403)
        lost = self.server.request("GET", "/api/v1/projects/none/insights", None, signed)
        self.assertEqual(lost.status, 404)

    def test_openapi_lists_all_methods_of_a_path(self):
        paths = self.server.get("/openapi.json").json()["paths"]
        for kind in ("insights", "dashboards", "annotations", "alerts"):
            one = paths["/api/v1/projects/{project}/" + kind + "/{id}"]
            self.assertEqual(set(one), {"get", "put", "delete"})
            self.assertEqual(set(paths["/api/v1/projects/{project}/" + kind]), {"get", "post"})
        self.assertEqual(set(paths["/api/v1/projects/{project}/people/{id}"]), {"delete"})


class Boards(Saved):
    def test_tiles_are_asked_under_one_range_and_filter(self):
        pro = {"insight": "trends", "interval": "day", "series": [{"event": "Signed Up"}], "last": "7d",
               "filter": [{"property": "plan", "is": "pro"}]}
        saved = self.insight("Pro", pro)
        board = self.make("dashboards", name="Monday", range=ALL_TIME, tiles=[
            {"insight": saved["id"], "w": 6, "h": 3}, {"text": "Hello", "w": 12},
            {"id": "all", "title": "Everybody", "question": SIGNUPS}])
        self.assertEqual([t["id"] for t in board["tiles"]], ["t1", "t2", "all"])
        path = f"dashboards/{board['id']}"

        tiles = self.call("GET", path + "/answers").json()["tiles"]
        self.assertEqual([t["id"] for t in tiles], ["t1", "all"])
        total = [t["answer"]["series"][0]["total"] for t in tiles]
        self.assertEqual(total, [28, 56])
        self.assertEqual((tiles[0]["name"], tiles[1]["title"]), ("Pro", "Everybody"))
        self.assertEqual(tiles[0]["question"]["filter"], pro["filter"])
        self.assertNotIn("last", tiles[0]["question"])

        board["filter"] = {"property": "plan", "is": "free"}
        self.assertEqual(self.call("PUT", path, board, If_Match='"1"').status, 200)
        tiles = self.call("GET", path + "/answers").json()["tiles"]
        self.assertEqual([t["answer"]["series"][0]["total"] for t in tiles], [0, 28])
        one = self.call("GET", path + "/answers?tile=all&from=2026-01-01&to=2026-01-02").json()["tiles"]
        self.assertEqual([t["answer"]["series"][0]["total"] for t in one], [2])
        self.assertEqual(self.call("GET", path + "/answers?tile=none").status, 404)

        # An insight that is gone, or that this range does not fit, leaves the others alone.
        self.call("DELETE", "insights/" + saved["id"])
        tiles = self.call("GET", path + "/answers").json()["tiles"]
        self.assertEqual(tiles[0]["error"]["code"], "document.unknown")
        self.assertEqual(tiles[1]["answer"]["series"][0]["total"], 28)
        bad = self.call("GET", path + "/answers?last=7q").json()["tiles"]
        self.assertEqual(bad[1]["error"]["at"], "/last")

    def test_wrong_boards_are_refused_with_their_place(self):
        for body, at in (
                ({"tiles": [{"insight": "nobody"}]}, "/tiles/0/insight"),
                ({"tiles": [{"text": "x"}, {"question": {"insight": "trends"}}]}, "/tiles/1/question/series"),
                ({"tiles": [{}]}, "/tiles/0"),
                ({"tiles": [{"text": "x", "question": SIGNUPS}]}, "/tiles/0"),
                ({"tiles": [{"text": "x", "w": 13}]}, "/tiles/0/w"),
                ({"tiles": [{"text": "x", "id": "a"}, {"text": "y", "id": "a"}]}, "/tiles/1/id"),
                ({"tiles": [{"text": "x"}] * 61}, "/tiles"),
                ({"range": {"last": "7q"}}, "/range/last"),
                ({"range": {"from": "2026-02-01", "to": "2026-01-01"}}, "/range/from"),
                ({"range": {"since": "x"}}, "/range/since"),
                ({"filter": [{"property": "plan", "iss": "pro"}]}, "/filter/0/iss")):
            refused = self.call("POST", "dashboards", {"name": "B", **body})
            self.assertEqual((refused.status, refused.error()["at"]), (400, at), refused.body)

    def test_a_saved_insight_is_asked_as_it_is_or_over_another_range(self):
        made = self.insight(question={**SIGNUPS, "last": "2y", "interval": "year"})
        path = f"insights/{made['id']}/answer"
        got = self.call("GET", path + "?from=2026-01-01&to=2026-01-14").json()
        self.assertEqual(sum(got["answer"]["series"][0]["values"]), 28)
        self.assertEqual(got["question"]["to"], "2026-01-14")
        self.assertEqual(self.call("GET", path).json()["answer"]["series"][0]["total"], 56)
        self.assertEqual(self.call("GET", path + "?last=x").error()["at"], "/last")

    def test_annotations(self):
        self.make("annotations", at="2026-01-05", text="A price rise")
        self.make("annotations", at="2026-01-05T09:00:00+07:00", text="A price rise")  # no name: no twin
        self.make("annotations", **{"from": "2026-01-05", "to": "2026-01-05"}, text="Outage")
        for body, at in (({"text": "x"}, "/at"), ({"at": "2026-01-05"}, "/text"),
                         ({"at": "2569-01-05", "text": "x"}, "/at"), ({"at": "soon", "text": "x"}, "/at"),
                         ({"from": "2026-01-05", "text": "x"}, "/to"),
                         ({"from": "2026-01-05", "to": "2026-01-04", "text": "x"}, "/to"),
                         ({"at": "2026-01-05", "to": "2026-01-06", "text": "x"}, "/at"),
                         ({"at": "2026-01-05", "text": "a\u0007"}, "/text")):
            refused = self.call("POST", "annotations", body)
            self.assertEqual((refused.status, refused.error()["at"]), (400, at), refused.body)
        self.assertEqual(len(self.call("GET", "annotations").json()["annotations"]), 3)


if __name__ == "__main__":
    main()
