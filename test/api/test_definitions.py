#!/usr/bin/env python3
"""Definitions: what was seen of events and properties, what is said of them, virtual events, merged names
and computed properties, asked like any other."""
import json
from urllib.parse import quote

from house import FAILED, WRONG, Case, Server, main

RANGE = {"from": "2026-01-01", "to": "2026-01-10"}
PRICES = [{"event": "Page", "filter": [{"property": "path", "starts_with": "/pricing"}]}]


class Definitions(Case):
    def setUp(self):
        super().setUp()
        keys = self.run_tenure("project", "create", "main", "--json").json()
        self.write, self.secret = keys["write_key"], keys["secret_key"]
        self.server = Server(self.data)
        self.addCleanup(lambda: self.server.close())
        events = [{"event": "Page", "person": f"u{i % 3}", "id": f"p{i}",
                   "time": f"2026-01-{i + 1:02}T05:00:00Z",
                   "properties": {"path": ["/", "/pricing", "/pricing/eu"][i % 3],
                                  "mail": f"A{i % 2}@Example.com"}} for i in range(9)]
        events += [{"event": name, "person": "u1", "id": f"s{i}", "time": "2026-01-05T05:00:00Z",
                    "properties": {"Plan" if i else "plan": "pro", "seats": i}}
                   for i, name in enumerate(["Signed Up", "signup", "sign_up"])]
        reply = self.server.send(self.write, {"events": events})
        self.assertEqual(reply.status, 200, reply.body)

    def call(self, method, path, body=None, **headers):
        headers = {k.replace("_", "-"): v for k, v in headers.items()}
        headers["Authorization"] = "Bearer " + self.secret
        return self.server.request(method, "/api/v1/projects/main/" + path, body, headers)

    def put(self, kind, name, **body):
        reply = self.call("PUT", f"definitions/{kind}/{quote(name, safe='')}", body)
        self.assertEqual(reply.status, 200, reply.body)
        return reply.json()

    def refused(self, status, code, at, kind, name, **body):
        reply = self.call("PUT", f"definitions/{kind}/{quote(name, safe='')}", body)
        self.assertEqual((reply.status, reply.error()["code"], reply.error().get("at", "")),
                         (status, code, at), reply.body)
        return reply.error()

    def listed(self, kind, more=""):
        return {d["name"]: d for d in self.call("GET", "definitions" + more).json()[kind]}

    def series(self, event="Page", **question):
        reply = self.call("POST", "query", {"insight": "trends", **RANGE,
                                            "series": [{"event": event}], **question})
        self.assertEqual(reply.status, 200, reply.body)
        return [(s.get("breakdown", [s["name"]])[0], s["total"]) for s in reply.json()["series"]]


class Said(Definitions):
    def test_what_was_seen_and_said(self):
        made = self.put("events", "Page", description="A page was opened", owner="web", verified=True)
        self.assertEqual((made["count"], made["first_seen"], made["last_seen"], made["version"]),
                         (9, "2026-01-01T05:00:00Z", "2026-01-09T05:00:00Z", 1))
        page = self.listed("events")["Page"]
        self.assertEqual((page["count"], page["description"], page["owner"], page["verified"]),
                         (9, "A page was opened", "web", True))
        self.put("properties", "seats", hidden=True, description="how many")
        self.assertNotIn("seats", self.listed("properties"))
        hidden = self.listed("properties", "?hidden=true")["seats"]
        self.assertEqual((hidden["hidden"], hidden["description"], hidden["types"]),
                         (True, "how many", ["number"]))
        seats = self.call("GET", "definitions/properties/seats").json()
        self.assertEqual((seats["count"], seats["first_seen"]), (3, "2026-01-05T05:00:00Z"))
        # hidden is still answered, and no longer offered
        self.assertEqual(self.series("Signed Up", filter=[{"property": "seats", "exists": True}]),
                         [("Signed Up", 1)])
        wrong = self.call("POST", "query", {"insight": "trends", **RANGE, "series": [{"event": "Page"}],
                                            "filter": [{"property": "seat", "gt": 1}]})
        self.assertEqual(wrong.status, 422)
        self.assertNotIn("seats", wrong.error()["hint"])
        stale = self.call("PUT", "definitions/events/Page", {"owner": "x"}, If_Match='"7"')
        self.assertEqual((stale.status, stale.error()["code"]), (412, "document.changed"))
        self.assertEqual(self.call("DELETE", "definitions/events/Page").status, 200)
        self.assertNotIn("description", self.listed("events")["Page"])
        self.assertEqual(self.call("GET", "definitions/events/Nobody").status, 404)

    def test_what_cannot_be_said(self):
        self.refused(400, "query.unknown_member", "/descripton", "events", "Page", descripton="x")
        self.refused(400, "query.wrong_type", "/hidden", "events", "Page", hidden=1)
        self.refused(400, "query.unknown_member", "/expression", "events", "Page", expression=1)
        self.refused(400, "query.unknown_value", "/merges", "events", "N", merges=["a"], any_of=PRICES)
        self.refused(400, "definition.taken", "/any_of", "events", "Signed Up", any_of=PRICES)
        self.refused(400, "query.unknown_member", "/any_of/0/filtr", "events", "N",
                     any_of=[{"event": "Page", "filtr": []}])
        self.refused(422, "query.unknown_event", "/any_of/0/event", "events", "N",
                     any_of=[{"event": "Pagee"}])
        self.refused(400, "query.unknown_member", "/expression", "properties", "N",
                     expression={"lowr": {"property": "mail"}})
        self.refused(422, "query.unknown_property", "/expression", "properties", "N",
                     expression={"lower": {"property": "mial"}})


class Made(Definitions):
    def test_virtual_events(self):
        made = self.put("events", "Saw prices", any_of=PRICES)
        self.assertEqual((made["count"], made["last_seen"]), (6, "2026-01-09T05:00:00Z"))
        self.assertIn("Saw prices", self.listed("events"))
        self.assertEqual(self.series("Saw prices"), [("Saw prices", 6)])
        self.assertEqual(self.series(None, segment=[{"did": "Saw prices", "times": {"gte": 3}}]),
                         [("any event", 9)])  # u1 and u2
        self.put("events", "Interested", any_of=[{"event": "Saw prices"}, {"event": "signup"}])
        self.assertEqual(self.series("Interested"), [("Interested", 7)])
        funnel = self.call("POST", "query", {"insight": "funnel", **RANGE, "steps": [
            {"event": "Saw prices"}, {"event": "Signed Up"}]}).json()
        self.assertEqual([s["count"] for s in funnel["steps"]], [2, 1])
        self.refused(400, "query.circle", "/any_of", "events", "Saw prices",
                     any_of=[{"event": "Interested"}])
        used = self.call("DELETE", "definitions/events/Saw%20prices")
        self.assertEqual((used.status, used.error()["code"]), (409, "document.in_use"))
        wrong = self.call("POST", "query", {"insight": "trends", "series": [{"event": "Saw price"}]})
        self.assertIn("Saw prices", wrong.error()["hint"])

    def test_merged_names(self):
        self.put("events", "Signed Up", merges=["signup", "sign_up"])
        self.assertEqual(self.series("Signed Up"), [("Signed Up", 3)])
        self.assertEqual(self.series("signup"), [("signup", 1)])  # a saved question keeps its meaning
        self.assertEqual(sorted(self.listed("events")), ["Page", "Signed Up"])
        self.assertEqual(self.listed("events", "?hidden=true")["signup"]["merged_under"], "Signed Up")
        self.refused(400, "definition.merged", "/merges/0", "events", "Page", merges=["signup"])
        self.put("properties", "plan", merges=["Plan"])
        self.assertEqual(self.series("Signed Up", breakdown=[{"property": "plan"}]), [("pro", 3)])
        self.assertNotIn("Plan", self.listed("properties"))

    def test_computed_properties(self):
        self.put("properties", "mail domain", expression={"domain": {"property": "mail"}})
        self.put("properties", "section", expression={"when": [
            {"if": {"property": "path", "starts_with": "/pricing"}, "then": "prices"}], "else": "rest"})
        self.assertEqual(self.series(breakdown=[{"property": "mail domain"}]), [("example.com", 9)])
        self.assertEqual(self.series(breakdown=[{"property": "section"}]), [("prices", 6), ("rest", 3)])
        self.assertEqual(self.series(filter=[{"property": "section", "is": "prices"}]), [("Page", 6)])
        self.put("properties", "double", expression={"multiply": [{"property": "seats"}, 2]})
        self.assertEqual(self.series("sign_up", series=[{"event": "sign_up", "math": "sum",
                                                         "property": "double"}]), [("sign_up", 4)])
        self.put("properties", "both", expression={"concat": [{"property": "section"}, "/",
                                                              {"property": "mail domain"}]})
        self.assertEqual(self.series(breakdown=[{"property": "both"}])[0], ("prices/example.com", 6))
        self.refused(400, "query.circle", "/expression", "properties", "section",
                     expression={"lower": {"property": "both"}})
        self.assertIn("section", self.listed("properties"))
        self.assertEqual(self.call("GET", "definitions/properties/section").json()["count"], 12)


class Commands(Definitions):
    def test_definitions_by_command(self):
        self.done("definition", "set", "event", "Saw prices", json.dumps({"any_of": PRICES}))
        self.assertEqual(self.series("Saw prices"), [("Saw prices", 6)])
        self.done("definition", "set", "property", "seats", '{"hidden":true}')
        text = self.done("definition", "list").out
        self.assertIn("Saw prices  (made of others)", text)
        self.assertNotIn("seats", text)
        self.assertIn("seats  (hidden)", self.done("definition", "list", "--hidden").out)
        names = [e["name"] for e in self.done("definition", "list", "--json").json()["events"]]
        self.assertIn("Saw prices", names)
        self.done("definition", "remove", "event", "Saw prices")
        result = self.run_tenure("definition", "remove", "event", "Saw prices")
        self.assertEqual(result.code, FAILED)
        self.assertIn("nothing was said about the event", result.err)
        self.refused_kind = self.run_tenure("definition", "set", "thing", "x", "{}")
        self.assertEqual(self.refused_kind.code, WRONG)


if __name__ == "__main__":
    main()
