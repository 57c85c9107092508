#!/usr/bin/env python3
"""Saved segments: made, asked by name in every way, never stale; static lists, from files and from numbers
in answers; whoever is erased leaves them."""
import json
import os
import sqlite3

from house import FAILED, Case, Server, main

EXPORTERS = [{"did": "Exported", "times": {"gte": 2}}]
RANGE = {"from": "2026-01-01", "to": "2026-01-31"}


class Segments(Case):
    def setUp(self):
        super().setUp()
        keys = self.run_tenure("project", "create", "main", "--json").json()
        self.write, self.secret = keys["write_key"], keys["secret_key"]
        self.server = Server(self.data)
        self.addCleanup(lambda: self.server.close())
        self.send([{"event": "Signed Up", "person": f"u{i}", "id": f"s{i}",
                    "time": f"2026-01-{i + 1:02}T05:00:00Z",
                    "properties": {"plan": ["free", "pro"][i % 2]}} for i in range(10)])
        self.send([{"event": "Exported", "person": f"u{i % 4}", "id": f"x{i}",
                    "time": f"2026-01-{i + 2:02}T05:00:00Z"} for i in range(7)])

    def send(self, events):
        reply = self.server.send(self.write, {"events": events})
        self.assertEqual(reply.status, 200, reply.body)

    def call(self, method, path, body=None, **headers):
        headers = {k.replace("_", "-"): v for k, v in headers.items()}
        headers["Authorization"] = "Bearer " + self.secret
        return self.server.request(method, "/api/v1/projects/main/" + path, body, headers)

    def make(self, name, **body):
        reply = self.call("POST", "segments", {"name": name, **body})
        self.assertEqual(reply.status, 201, reply.body)
        return reply.json()

    def people(self, **question):
        reply = self.call("POST", "query", {"insight": "people", **question})
        self.assertEqual(reply.status, 200, reply.body)
        return sorted(p["id"] for p in reply.json()["people"])

    def refused(self, status, code, at, method, path, body):
        reply = self.call(method, path, body)
        self.assertEqual((reply.status, reply.error()["code"], reply.error().get("at", "")),
                         (status, code, at), reply.body)
        return reply.error()


class Saved(Segments):
    def test_a_segment_is_its_conditions_whenever_it_is_asked(self):
        made = self.make("Exporters", filter=EXPORTERS, description="export often")
        self.assertEqual(made["filter"], EXPORTERS)
        for _ in range(2):  # the second time with what was kept
            self.assertEqual(self.people(segment="Exporters"), ["u0", "u1", "u2"])
        self.assertEqual(self.people(filter=[{"not": {"in_segment": "Exporters"}}]),
                         [f"u{i}" for i in range(3, 10)])
        answer = self.call("POST", "query", {"insight": "trends", "series": [{"event": "Signed Up"}],
                                             "segment": "Exporters", **RANGE}).json()
        self.assertEqual(answer["series"][0]["total"], 3)
        self.assertEqual(answer["rules"]["segment"], "Exporters")
        # a late event, then a merge: the set is another at once
        self.send([{"event": "Exported", "person": "u3", "id": "late", "time": "2026-01-01T01:00:00Z"}])
        self.assertEqual(self.people(segment="Exporters"), ["u0", "u1", "u2", "u3"])
        self.assertEqual(self.server.send(self.write, {"events": [
            {"person": "u0", "merge": ["u1"]}]}).status, 200)
        self.assertEqual(self.people(segment="Exporters"), ["u0", "u2", "u3"])
        made["filter"] = [{"did": "Exported", "times": {"gte": 3}}]
        self.assertEqual(self.call("PUT", "segments/" + made["id"], made).status, 200)
        self.assertEqual(self.people(segment="Exporters"), ["u0"])

    def test_segments_of_segments(self):
        self.make("Exporters", filter=EXPORTERS)
        pro = self.make("Others", filter=[{"did": "Signed Up", "filter": [
            {"property": "plan", "is": "pro"}]}, {"not": {"in_segment": "Exporters"}}])
        self.assertEqual(self.people(segment="Others"), ["u3", "u5", "u7", "u9"])
        listed = self.call("GET", "segments").json()["segments"]
        self.assertEqual([s["name"] for s in listed], ["Exporters", "Others"])
        # what others are made of may not go, nor be made of them
        first = listed[0]
        self.refused(409, "document.in_use", "", "DELETE", "segments/" + first["id"], None)
        self.refused(409, "document.in_use", "", "PUT", "segments/" + first["id"],
                     {"name": "Other name", "filter": EXPORTERS})
        self.refused(400, "query.circle", "/filter", "PUT", "segments/" + first["id"],
                     {"name": "Exporters", "filter": [{"in_segment": "Others"}]})
        self.assertEqual(self.call("DELETE", "segments/" + pro["id"]).status, 200)
        self.assertEqual(self.call("DELETE", "segments/" + first["id"]).status, 200)
        error = self.refused(422, "query.unknown_segment", "/segment", "POST", "query",
                             {"insight": "people", "segment": "Exporters"})
        self.assertIn("tenure segment list", error["hint"])

    def test_what_cannot_be_one(self):
        self.refused(422, "query.unknown_event", "/filter/0/did", "POST", "segments",
                     {"name": "A", "filter": [{"did": "Exportd"}]})
        self.refused(400, "query.unknown_member", "/filter/0/tims", "POST", "segments",
                     {"name": "A", "filter": [{"did": "Exported", "tims": 1}]})
        self.refused(400, "query.unsupported", "/filter/0", "POST", "segments",
                     {"name": "A", "filter": [{"property": "plan", "is": "pro"}]})
        self.refused(400, "query.wrong_type", "/filter", "POST", "segments",
                     {"name": "A", "filter": {"did": "Exported"}})
        self.refused(400, "query.missing_member", "/filter", "POST", "segments", {"name": "A"})
        self.refused(400, "query.missing_member", "/name", "POST", "segments", {"filter": EXPORTERS})
        self.refused(400, "query.unknown_value", "/people", "POST", "segments",
                     {"name": "A", "filter": EXPORTERS, "people": ["u1"]})
        self.refused(422, "query.unknown_segment", "/filter/0/in_segment", "POST", "segments",
                     {"name": "A", "filter": [{"in_segment": "A"}]})  # there is none yet
        self.make("A", filter=EXPORTERS)
        self.refused(409, "document.taken", "/name", "POST", "segments",
                     {"name": "A", "filter": EXPORTERS})

    def test_buckets_are_the_same_after_a_restart(self):
        question = {"filter": [{"property": "bucket", "of": "person", "lt": 5000}]}
        low = self.people(**question)
        high = self.people(filter=[{"property": "bucket", "of": "person", "gte": 5000}])
        self.assertEqual(sorted(low + high), [f"u{i}" for i in range(10)])
        self.server.stop()
        self.server.close()
        self.server = Server(self.data)
        self.assertEqual(self.people(**question), low)


class Lists(Segments):
    def test_a_list_of_people(self):
        made = self.make("Picked", people=["u1", "u5", "u1", "nobody"])
        self.assertEqual((made["count"], "people" in made), (3, False))
        self.assertEqual(self.people(segment="Picked"), ["u1", "u5"])
        self.assertEqual(self.call("PUT", "segments/" + made["id"], made).status, 200)  # as it was read
        self.assertEqual(self.people(segment="Picked"), ["u1", "u5"])
        self.refused(400, "query.unknown_value", "/list", "POST", "segments",
                     {"name": "B", "list": "l0"})
        self.refused(400, "query.wrong_type", "/people/1", "POST", "segments",
                     {"name": "B", "people": ["u1", 2]})

    def test_the_people_behind_a_number(self):
        question = {"insight": "funnel", "steps": [{"event": "Signed Up"}, {"event": "Exported"}],
                    **RANGE}
        for place, expected in (({"step": 2}, ["u0", "u1", "u2", "u3"]),
                                ({"step": 2, "dropped": True}, [f"u{i}" for i in range(4, 10)])):
            made = self.make(str(place), **{"from": {**question, "people_of": place}})
            self.assertEqual(made["count"], len(expected))
            self.assertEqual(self.people(segment=str(place)), expected)
        self.make("Now", **{"from": {"insight": "people", "filter": EXPORTERS}})
        self.send([{"event": "Exported", "person": "u9", "id": f"n{i}", "time": "2026-01-20T00:00:00Z"}
                   for i in range(2)])
        self.assertEqual(self.people(segment="Now"), ["u0", "u1", "u2"])  # a list stays as it is
        self.refused(400, "query.missing_member", "/from/people_of", "POST", "segments",
                     {"name": "B", "from": question})
        self.refused(400, "query.limit", "/from/people_of/step", "POST", "segments",
                     {"name": "B", "from": {**question, "people_of": {"step": 7}}})

    def test_more_people_than_a_page(self):
        self.send([{"event": "Many", "person": f"m{i}", "id": f"m{i}", "time": "2026-01-03T00:00:00Z"}
                   for i in range(2000)])
        made = self.make("All", **{"from": {"insight": "people", "page": 7, "filter": [{"did": "Many"}]}})
        self.assertEqual(made["count"], 2000)

    def test_the_erased_leave_the_lists(self):
        self.assertEqual(self.server.send(self.write, {"events": [
            {"person": "u1", "merge": ["anon-77"]}]}).status, 200)
        self.make("Picked", people=["u5", "anon-77", "u2"])
        self.make("Also", people=["u5", "anon-77", "u2"])
        self.make("Others", people=["u5", "u6"])
        self.assertEqual(self.call("DELETE", "people/u1").status, 200)
        listed = {s["name"]: s["count"] for s in self.call("GET", "segments").json()["segments"]}
        self.assertEqual(listed, {"Picked": 2, "Also": 2, "Others": 2})
        self.assertEqual(self.people(segment="Picked"), ["u2", "u5"])
        self.refused_to_find("anon-77")
        self.done("erase", "--person", "u5")
        self.assertEqual(self.people(segment="Also"), ["u2"])
        self.assertEqual(self.people(segment="Others"), ["u6"])

    def refused_to_find(self, text):
        db = sqlite3.connect(os.path.join(self.data, "records.db"))
        rows = db.execute("SELECT count(*) FROM document WHERE body LIKE ?", (f"%{text}%",)).fetchone()
        db.close()
        self.assertEqual(rows[0], 0)


class Commands(Segments):
    def test_segments_by_command(self):
        self.done("segment", "set", "Exporters", json.dumps(EXPORTERS))
        self.assertEqual(self.people(segment="Exporters"), ["u0", "u1", "u2"])
        self.done("segment", "set", "Exporters", json.dumps([{"did": "Exported"}]))
        self.assertEqual(self.people(segment="Exporters"), ["u0", "u1", "u2", "u3"])
        text = self.done("segment", "list").out
        self.assertIn("Exporters", text)
        self.assertEqual(self.done("segment", "list", "--json").json()["segments"][0]["name"],
                         "Exporters")
        self.assertEqual(self.done("query", "--json", "trend \"Signed Up\" from 2026-01-01 to "
                                   "2026-01-31 where in segment Exporters").json()["series"][0]["total"], 4)
        self.done("segment", "remove", "Exporters")
        self.assertEqual(self.done("segment", "list", "--json").json()["segments"], [])
        self.refused_command(FAILED, "there is no segment", "segment", "remove", "Exporters")
        self.refused_command(FAILED, "must be a text", "segment", "set", "A", "[{\"did\":7}]")

    def refused_command(self, code, says, *words):
        result = self.run_tenure(*words)
        self.assertEqual(result.code, code, result.err)
        self.assertIn(says, result.err)

    def test_lists_from_files_and_answers(self):
        path = self.file("vip.csv", "name,user_id\nAnn,u1\n\"B, Bo\",u5\n,\nAnn,u1\n")
        told = self.done("segment", "import", "VIP", path, "--column", "user_id")
        self.assertIn("2", told.out + told.err)
        self.assertEqual(self.people(segment="VIP"), ["u1", "u5"])
        self.done("segment", "import", "Ids", self.file("ids.txt", "u2\nu3\n"))
        self.assertEqual(self.people(segment="Ids"), ["u2", "u3"])
        self.refused_command(FAILED, "has no column \"mail\"", "segment", "import", "X", path,
                             "--column", "mail")
        question = {"insight": "funnel", "steps": [{"event": "Signed Up"}, {"event": "Exported"}],
                    "people_of": {"step": 2}, **RANGE}
        self.done("segment", "save", "Converted", json.dumps(question))
        self.assertEqual(self.people(segment="Converted"), ["u0", "u1", "u2", "u3"])


if __name__ == "__main__":
    main()
