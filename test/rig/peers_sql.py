"""Random questions as Tenure's JSON and as the SQL of the peers (peers.py).

The table of a world is t(u, time, name, plan, mixed, n, team, account): u the person after merges,
time in UTC milliseconds, an empty text of plan missing. Dates and calendars are computed by each engine, by its
own time zone database; only spans of time are numbers here.
"""
import datetime
import json
import zoneinfo

START = datetime.date(2026, 2, 1)
EPOCH = datetime.date(1970, 1, 1)
DAYS = 90
ZONES = ["UTC", "Asia/Bangkok", "America/New_York", "Europe/Berlin", "Asia/Kathmandu",
         "America/Santiago", "Africa/Cairo", "Australia/Lord_Howe", "Pacific/Auckland"]
HOUR_MS = 3600000


class DuckDB:
    name = "duckdb"
    columns = {"u": "INTEGER", "time": "BIGINT", "name": "VARCHAR", "plan": "VARCHAR",
               "mixed": "VARCHAR", "n": "DOUBLE", "team": "VARCHAR", "account": "VARCHAR"}

    def load(self, path):
        columns = ", ".join(f"'{k}': '{v}'" for k, v in self.columns.items())
        return [f"CREATE OR REPLACE TABLE t AS SELECT * FROM read_csv('{path}', header = false, nullstr = '\\N', "
                f"auto_detect = false, quote = '\"', columns = {{{columns}}})"]

    @staticmethod
    def local(zone, time="time"):
        return f"timezone('{zone}', make_timestamp({time} * 1000)::TIMESTAMPTZ)"

    def date(self, zone, time="time"):
        return f"CAST({self.local(zone, time)} AS DATE)"

    def hour(self, zone):
        return f"CAST(extract(hour FROM {self.local(zone)}) AS INTEGER)"

    def weekday(self, zone):
        return f"CAST(isodow({self.local(zone)}) AS INTEGER)"

    @staticmethod
    def day_number(date):
        return f"datediff('day', DATE '1970-01-01', CAST({date} AS DATE))"

    @staticmethod
    def monday(date):
        return f"date_trunc('week', {date})"

    @staticmethod
    def month(date):
        return f"date_trunc('month', {date})"

    @staticmethod
    def month_number(date):
        return f"(year({date}) * 12 + month({date}) - 1)"

    @staticmethod
    def divided(a, b):
        return f"(({a}) // ({b}))"

    @staticmethod
    def quantile(q, x):
        return f"quantile_cont({x}, {q})"

    @staticmethod
    def numbers(n, name):
        return f"(SELECT range AS {name} FROM range({n}))"

    @staticmethod
    def funnel(rows, steps, window_ms, by):
        """By-value and person counts of each step; the newest start that leads to an event is the best."""
        out = [f"WITH e AS ({rows})", f"s1 AS (SELECT u, time, time AS began FROM e WHERE name = '{steps[0]}')"]
        for k, name in enumerate(steps[1:], 2):
            out.append(
                f"s{k} AS (SELECT x.u, x.time, max(p.began) AS began FROM (SELECT DISTINCT u, time FROM e WHERE name = "
                f"'{name}') x JOIN s{k - 1} p ON x.u = p.u AND x.time >= p.time WHERE x.time - p.began <= "
                f"{window_ms} GROUP BY ALL)")
        people = "SELECT u, any_value(team) AS team FROM e GROUP BY u"
        each = [f"SELECT {k}, g.{by}, count(*) FROM (SELECT DISTINCT u FROM s{k}) s JOIN ({people}) g "
                "USING (u) GROUP BY 2" if by else f"SELECT {k}, NULL, count(DISTINCT u) FROM s{k}"
                for k in range(1, len(steps) + 1)]
        return ", ".join(out) + " " + " UNION ALL ".join(each)


class ClickHouse(DuckDB):
    name = "clickhouse"
    columns = {"u": "Int32", "time": "Int64", "name": "String", "plan": "Nullable(String)",
               "mixed": "Nullable(String)", "n": "Nullable(Float64)", "team": "Nullable(String)",
               "account": "Nullable(String)"}

    def load(self, path):
        columns = ", ".join(f"{k} {v}" for k, v in self.columns.items())
        return ["DROP TABLE IF EXISTS t SYNC",
                f"CREATE TABLE t ({columns}) ENGINE = MergeTree ORDER BY (u, time)",
                f"INSERT INTO t SELECT * FROM file('{path}', CSV, '{columns}')"]

    @staticmethod
    def local(zone, time="time"):
        return f"toDateTime(intDiv({time}, 1000), '{zone}')"

    def date(self, zone, time="time"):
        return f"toDate({self.local(zone, time)})"

    def hour(self, zone):
        return f"toHour({self.local(zone)})"

    def weekday(self, zone):
        return f"toDayOfWeek({self.local(zone)})"

    @staticmethod
    def day_number(date):
        return f"toInt64(toDate({date}))"

    @staticmethod
    def monday(date):
        return f"toMonday({date})"

    @staticmethod
    def month(date):
        return f"toStartOfMonth({date})"

    @staticmethod
    def month_number(date):
        return f"toInt64(toYear({date}) * 12 + toMonth({date}) - 1)"

    @staticmethod
    def divided(a, b):
        return f"intDiv({a}, {b})"

    @staticmethod
    def quantile(q, x):
        return f"quantileExactInclusiveOrNull({q})({x})"

    @staticmethod
    def numbers(n, name):
        return f"(SELECT toInt64(number) AS {name} FROM numbers({n}))"

    @staticmethod
    def funnel(rows, steps, window_ms, by):
        conditions = ", ".join(f"name = '{s}'" for s in steps)
        runs = (f"SELECT u, any(team) AS team, windowFunnel({window_ms})(toUInt64(time), {conditions}) AS depth "
                f"FROM ({rows}) GROUP BY u")
        value = by if by else "NULL"
        return " UNION ALL ".join(
            f"SELECT {k}, {value}, countIf(depth >= {k}) FROM ({runs}) "
            + (f"GROUP BY {by}" if by else "") for k in range(1, len(steps) + 1))


DIALECTS = {d.name: d for d in (DuckDB(), ClickHouse())}


# --- conditions ------------------------------------------------------------------------------

def text(v):
    return "'" + v.replace("'", "''") + "'"


def as_text(v):
    return ("true" if v else "false") if isinstance(v, bool) else str(v)


def leaf(rng, zone, as_of):
    """(JSON, SQL of a dialect) of one condition on an event, or on what its person did."""
    def did(name, count, sign, is_not):
        member = {"did_not": name} if is_not else {"did": name, "times": {sign: count}}
        symbol = {"gte": ">=", "lte": "<=", "gt": ">"}[sign]
        rows = f"SELECT u FROM t WHERE name = {text(name)} AND time <= {as_of} GROUP BY u HAVING "
        if is_not:
            return member, lambda d: f"u NOT IN ({rows} count(*) >= 1)"
        if sign == "lte":  # who never did it, too
            return member, lambda d: f"u NOT IN ({rows} count(*) > {count})"
        return member, lambda d: f"u IN ({rows} count(*) {symbol} {count})"

    kind = rng.randrange(14)
    plan, number, mixed = rng.choice(["free", "basic", "pro", "Pro"]), rng.randint(0, 10), rng.choice([1, 2, True, "x", "true", 2.5])
    if kind == 0:
        return {"property": "plan", "is": plan}, lambda d: f"coalesce(plan, '') = {text(plan)}"
    if kind == 1:
        return ({"property": "plan", "is_not": [plan, "free"]},
                lambda d: f"coalesce(plan, '') NOT IN ({text(plan)}, 'free')")
    if kind == 2:
        return {"property": "plan", "contains": "RO"}, lambda d: "coalesce(lower(plan), '') LIKE '%ro%'"
    if kind == 3:
        return {"property": "plan", "not_contains": "a"}, lambda d: "coalesce(lower(plan), '') NOT LIKE '%a%'"
    if kind == 4:
        sign, symbol = rng.choice([("gt", ">"), ("gte", ">="), ("lt", "<"), ("lte", "<=")])
        return {"property": "n", sign: number}, lambda d: f"coalesce(n {symbol} {number}, false)"
    if kind == 5:
        return ({"property": "n", "between": [2, number + 2]},
                lambda d: f"coalesce(n BETWEEN 2 AND {number + 2}, false)")
    if kind == 6:
        return {"property": "n", "exists": False}, lambda d: "n IS NULL"
    if kind == 7:
        return {"property": "mixed", "is": mixed}, lambda d: f"coalesce(mixed, '') = {text(as_text(mixed))}"
    if kind == 8:
        return ({"property": "mixed", "is_not": mixed},
                lambda d: f"coalesce(mixed, '') <> {text(as_text(mixed))}")
    if kind == 9:
        low = rng.randint(0, 20)
        return {"property": "hour", "between": [low, low + 6]}, lambda d: f"{d.hour(zone)} BETWEEN {low} AND {low + 6}"
    if kind == 10:
        return {"property": "weekday", "lte": number % 7 + 1}, lambda d: f"{d.weekday(zone)} <= {number % 7 + 1}"
    if kind == 11:
        return ({"property": "team", "of": "person", "is": "red"}, lambda d: "coalesce(team, '') = 'red'")
    if kind == 12:
        return {"property": "name", "is_not": ["A", "E"]}, lambda d: "name NOT IN ('A', 'E')"
    return did(rng.choice("ABCDE"), rng.randint(1, 6), rng.choice(["gte", "lte", "gt"]), rng.random() < 0.3)


def condition(rng, zone, as_of, depth=0):
    if depth < 2 and rng.random() < 0.25:
        word, joint = rng.choice([("all", " AND "), ("any", " OR ")])
        parts = [condition(rng, zone, as_of, depth + 1) for _ in range(rng.randint(1, 3))]
        return ({word: [j for j, _ in parts]},
                lambda d: "(" + joint.join(sql(d) for _, sql in parts) + ")")
    if depth < 2 and rng.random() < 0.12:
        j, sql = condition(rng, zone, as_of, depth + 1)
        return {"not": j}, lambda d: f"(NOT {sql(d)})"
    return leaf(rng, zone, as_of)


# --- what questions share --------------------------------------------------------------------

class Question:
    """json, sql(dialect), rows(what SQL answered) and read(Tenure's answer): the latter two give numbers by place."""

    kinds = ["day", "day", "week", "week", "month"]
    must_align = False

    def __init__(self, rng, world):
        self.rng, self.world = rng, world
        self.zone, self.week_start = rng.choice(ZONES), rng.choice(["monday", "sunday"])
        self.interval = rng.choice(self.kinds)
        a = START + datetime.timedelta(days=rng.randrange(-3, 60))
        b = a + datetime.timedelta(days=rng.randrange(1, 45))
        if self.must_align:
            a, b = self.floor(a), self.next(self.floor(b)) - datetime.timedelta(days=1)
        self.first, self.last = a, b  # dates, both included
        self.as_of = self.midnight(START + datetime.timedelta(days=rng.choice([200, 200, 70, 45])))
        self.filter, self.condition = None, lambda d: "true"
        self.json = {"insight": self.insight, "from": str(a), "to": str(b), "timezone": self.zone,
                     "week_start": self.week_start, "interval": self.interval, "limit": 1000,
                     "as_of": self.instant(self.as_of)}
        if rng.random() < 0.5:
            self.filter, self.condition = condition(rng, self.zone, self.as_of)
            self.json["filter"] = [self.filter]
        self.by = None
        self.make()

    def midnight(self, date):
        """Of the zone, in milliseconds (a date without midnight starts later: not asked for)."""
        at = datetime.datetime.combine(date, datetime.time(12), zoneinfo.ZoneInfo(self.zone))
        return int(at.timestamp() * 1000) - 12345

    @staticmethod
    def instant(ms):
        return datetime.datetime.fromtimestamp(ms / 1000, datetime.timezone.utc).isoformat(
            timespec="milliseconds").replace("+00:00", "Z")

    def floor(self, date):
        if self.interval == "week":
            return date - datetime.timedelta(days=(date.weekday() + (self.week_start == "sunday")) % 7)
        return date.replace(day=1) if self.interval == "month" else date

    def next(self, date):
        if self.interval == "month":
            return (date.replace(day=28) + datetime.timedelta(days=4)).replace(day=1)
        return date + datetime.timedelta(days=7 if self.interval == "week" else 1)

    def bucket(self, d, date=None):
        """Day number of the first day of an event's interval."""
        date = date or d.date(self.zone)
        if self.interval == "month":
            return d.day_number(d.month(date))
        if self.interval == "week" and self.week_start == "monday":
            return d.day_number(d.monday(date))
        if self.interval == "week":
            return f"({d.day_number(date)} - ({d.day_number(date)} + 4) % 7)"
        return d.day_number(date)

    def index(self, d, date=None):
        """A number that grows by one from interval to interval."""
        date = date or d.date(self.zone)
        if self.interval == "month":
            return d.month_number(date)
        if self.interval == "week":
            return d.divided(f"{d.day_number(date)} + {4 if self.week_start == 'sunday' else 3}", "7")
        return d.day_number(date)

    def index_of(self, label):
        date = datetime.date.fromisoformat(label)
        days = (date - EPOCH).days
        if self.interval == "month":
            return date.year * 12 + date.month - 1
        return (days + (4 if self.week_start == "sunday" else 3)) // 7 if self.interval == "week" else days

    def where(self, d, *more, in_range=True):
        parts = [f"time <= {self.as_of}", self.condition(d), *more]
        if in_range:
            parts.append(f"{d.date(self.zone)} BETWEEN {self.day(d, self.first)} AND {self.day(d, self.last)}")
        return " AND ".join(parts)

    @staticmethod
    def day(d, date):
        return f"CAST('{date}' AS DATE)"

    def name_is(self, name):
        return f"name = {text(name)}" if name else "true"

    def break_down(self, choices, chance=0.4):
        if self.rng.random() < chance:
            self.by = self.rng.choice(choices)
            self.json["breakdown"] = [{"property": self.by, "of": "person" if self.by == "team" else "event"}]

    @staticmethod
    def groups(answer, top):
        """(value, part) of each group; the whole has the value ()."""
        return ([((), answer)] if top else []) + [(tuple(g["value"]), g) for g in answer.get("groups", [])]


# --- trends ----------------------------------------------------------------------------------

class Trends(Question):
    insight = "trends"
    maths = ["events", "people", "sum", "avg", "min", "max", "median", "p75", "p90", "p99", "distinct",
             "first_time", "per_person", "accounts", "weekly_active", "monthly_active"]

    def make(self):
        rng = self.rng
        self.math, self.event = rng.choice(self.maths), rng.choice(["A", "B", "C", None])
        if self.math.endswith("_active"):
            self.interval = self.json["interval"] = "day"
        line = {"event": self.event, "math": self.math}
        if self.math in ("sum", "avg", "min", "max", "median", "p75", "p90", "p99"):
            line["property"] = "n"
        if self.math == "distinct":
            line["property"] = "mixed"
        self.json["series"] = [line]
        self.break_down(["plan", "mixed", "team"] if self.math != "first_time" else ["team"])

    def figure(self, d):
        quantile = {"median": 0.5, "p75": 0.75, "p90": 0.9, "p99": 0.99}.get(self.math)
        if quantile:
            return d.quantile(quantile, "n")
        return {"events": "count(*)", "people": "count(DISTINCT u)", "sum": "coalesce(sum(n), 0)",
                "distinct": "count(DISTINCT mixed)", "accounts": "count(DISTINCT account)",
                "per_person": "count(*) / count(DISTINCT u)"}.get(self.math, f"{self.math}(n)")

    def sql(self, d):
        mine, by = self.name_is(self.event), f", {self.by}" if self.by else ", NULL"
        group = f"GROUP BY b{', ' + self.by if self.by else ''}"
        if self.math.endswith("_active"):
            days = 7 if self.math == "weekly_active" else 30
            low, high = ((x - EPOCH).days for x in (self.first, self.last))
            rows = (f"SELECT {d.day_number(d.date(self.zone))} AS day, u, plan, mixed, team FROM t "
                    f"WHERE {self.where(d, mine, in_range=False)}")
            return (f"SELECT day + k AS b{by}, count(DISTINCT u) FROM ({rows}) x CROSS JOIN "
                    f"{d.numbers(days, 'k')} y WHERE day + k BETWEEN {low} AND {high} {group}")
        if self.math == "first_time":
            rows = (f"SELECT u, team, min(time) AS time FROM t WHERE {self.where(d, mine, in_range=False)} "
                    "GROUP BY u, team")
            return (f"SELECT {self.bucket(d)} AS b{by}, count(*) FROM ({rows}) x WHERE {d.date(self.zone)} BETWEEN "
                    f"{self.day(d, self.first)} AND {self.day(d, self.last)} {group}")
        return f"SELECT {self.bucket(d)} AS b{by}, {self.figure(d)} FROM t WHERE {self.where(d, mine)} {group}"

    def rows(self, rows):
        none = 0 if self.math in ("events", "people", "sum", "distinct", "first_time", "accounts",
                                  "weekly_active", "monthly_active") else None
        return {(value, b): n for b, value, n in rows if n != none}

    def read(self, answer):
        days = [(datetime.date.fromisoformat(label) - EPOCH).days for label in answer["intervals"]]
        out = {}
        for s in answer["series"]:
            value = s.get("breakdown", [None])[0]
            for day, n in zip(days, s["values"]):
                if n not in (0, None) or (n == 0 and self.math in ("avg", "min", "max", "median", "p75", "p90",
                                                                   "p99", "per_person")):
                    out[(value, day)] = n
        return out


# --- funnels ---------------------------------------------------------------------------------

class Funnel(Question):
    insight = "funnel"

    def make(self):
        rng = self.rng
        self.steps = rng.sample("ABCDE", rng.randint(2, 4))
        self.window_ms = rng.choice([2 * HOUR_MS, 26 * HOUR_MS, 7 * 24 * HOUR_MS, 400 * HOUR_MS])
        self.json["steps"] = [{"event": s} for s in self.steps]
        self.json["window"] = f"{self.window_ms // 1000}s"
        self.is_unordered = rng.random() < 0.35
        if self.is_unordered:
            self.json["order"] = "unordered"
        self.break_down(["team"], 0.3)

    def sql(self, d):
        rows = f"SELECT u, time, name, team FROM t WHERE {self.where(d)}"
        if not self.is_unordered:
            return d.funnel(rows, self.steps, self.window_ms, self.by)
        names = ", ".join(text(s) for s in self.steps)
        value = self.by if self.by else "NULL"
        mine = f"({rows} AND name IN ({names}))"
        within = ("SELECT a.u AS u, min(a.team) AS team, a.time AS time, count(DISTINCT b.name) AS depth FROM "
                  f"{mine} a JOIN {mine} b ON a.u = b.u WHERE b.time >= a.time AND b.time - a.time <= "
                  f"{self.window_ms} GROUP BY a.u, a.time")
        runs = f"SELECT u, min(team) AS team, max(depth) AS depth FROM ({within}) w GROUP BY u"
        return " UNION ALL ".join(
            f"SELECT {k}, {value}, sum(CASE WHEN depth >= {k} THEN 1 ELSE 0 END) FROM ({runs}) r "
            + (f"GROUP BY {self.by}" if self.by else "") for k in range(1, len(self.steps) + 1))

    def rows(self, rows):
        return {(k, value): n for k, value, n in rows if n}

    def read(self, answer):
        parts = [(g["value"][0], g) for g in answer["groups"]] if self.by else [(None, answer)]
        return {(k, value): s["count"] for value, part in parts
                for k, s in enumerate(part["steps"], 1) if s["count"]}


# --- retention -------------------------------------------------------------------------------

class Retention(Question):
    insight = "retention"
    must_align = True

    def make(self):
        rng = self.rng
        self.start, self.back = rng.choice(["A", "B", None]), rng.choice(["A", "C", None])
        self.cohort, self.match = rng.choice(["first_matching", "every", "first_in_range"]), rng.choice(["on", "on_or_after"])
        self.periods = rng.randint(2, 14)
        self.json.update({"start": {"event": self.start}, "return": {"event": self.back},
                          "periods": self.periods, "cohort": self.cohort, "match": self.match})
        self.break_down(["team"], 0.3)

    def sql(self, d):
        value, i = self.by or "NULL", self.index(d)
        low, high = self.index_of(str(self.first)), self.index_of(str(self.floor(self.last)))
        if self.cohort == "every":
            starts = f"SELECT DISTINCT u, team, {i} AS c FROM t WHERE {self.where(d, self.name_is(self.start))}"
        else:
            rows = (f"SELECT u, team, min(time) AS time FROM t WHERE "
                    f"{self.where(d, self.name_is(self.start), in_range=self.cohort == 'first_in_range')} GROUP BY u, team")
            starts = f"SELECT u, team, {i} AS c FROM ({rows}) x"
        backs = f"SELECT DISTINCT u, {i} AS p FROM t WHERE {self.where(d, self.name_is(self.back))}"
        sign = "=" if self.match == "on" else ">="
        return (f"SELECT c, 0 AS k, {value} AS v, count(*) FROM ({starts}) s WHERE c BETWEEN {low} AND {high} "
                "GROUP BY c, v UNION ALL "
                f"SELECT c, k, {value} AS v, count(DISTINCT s.u) FROM ({starts}) s JOIN ({backs}) b ON s.u = b.u "
                f"CROSS JOIN (SELECT r + 1 AS k FROM {d.numbers(self.periods - 1, 'r')} q) n "
                f"WHERE c BETWEEN {low} AND {high} AND p {sign} c + k AND p <= {high} GROUP BY c, k, v")

    def rows(self, rows):
        return {(c, k, v): n for c, k, v, n in rows if n and (k == 0 or self.is_begun(c + k))}

    def is_begun(self, index):
        """Whether an interval has started by as_of; a cell that has not is null."""
        zone = zoneinfo.ZoneInfo(self.zone)
        date = datetime.datetime.fromtimestamp(self.as_of / 1000, zone).date()
        return index <= self.index_of(str(self.floor(date)))

    def read(self, answer):
        parts = [(g["value"][0], g) for g in answer["groups"]] if self.by else [(None, answer)]
        out, high = {}, self.index_of(str(self.floor(self.last)))
        for value, part in parts:
            for row in part["cohorts"]:
                c = self.index_of(row["start"][:10])
                for k, n in enumerate(row["counts"]):
                    is_null = c + k > high or not self.is_begun(c + k)
                    if is_null != (n is None):
                        out[(c, k, value, "is null")] = n
                    elif n:
                        out[(c, k, value)] = n
        return out


# --- lifecycle and stickiness ----------------------------------------------------------------

class Lifecycle(Question):
    insight = "lifecycle"
    must_align = True

    def make(self):
        self.event = self.rng.choice(["A", "B", None])
        self.json["event"] = self.event
        self.break_down(["team"], 0.3)

    def sql(self, d):
        value = self.by or "NULL"
        low, high = self.index_of(str(self.first)), self.index_of(str(self.floor(self.last)))
        acts = (f"SELECT DISTINCT u, team, {self.index(d)} AS p FROM t WHERE "
                f"{self.where(d, self.name_is(self.event), in_range=False)}")
        marked = ("SELECT u, team, p, min(p) OVER (PARTITION BY u) AS first, "
                  "lag(p, 1, CAST(-1 AS BIGINT)) OVER (PARTITION BY u ORDER BY p) AS before, "
                  f"lead(p, 1, CAST(999999 AS BIGINT)) OVER (PARTITION BY u ORDER BY p) AS after FROM ({acts}) a")
        state = "CASE WHEN p = first THEN 'new' WHEN before = p - 1 THEN 'returning' ELSE 'resurrecting' END"
        return (f"SELECT p, {state} AS s, {value} AS v, count(*) FROM ({marked}) m "
                f"WHERE p BETWEEN {low} AND {high} GROUP BY p, s, v UNION ALL "
                f"SELECT p + 1, 'dormant' AS s, {value} AS v, -count(*) FROM ({marked}) m "
                f"WHERE after > p + 1 AND p + 1 BETWEEN {low} AND {high} GROUP BY p, s, v")

    def rows(self, rows):
        zone = zoneinfo.ZoneInfo(self.zone)
        last = self.index_of(str(self.floor(datetime.datetime.fromtimestamp(self.as_of / 1000, zone).date())))
        return {(p, s, v): n for p, s, v, n in rows if n and p <= last}

    def read(self, answer):
        parts = [(g["value"][0], g) for g in answer["groups"]] if self.by else [(None, answer)]
        return {(self.index_of(label), state, value): n for value, part in parts
                for state in ("new", "returning", "resurrecting", "dormant")
                for label, n in zip(answer["intervals"], part[state]) if n}


class Stickiness(Question):
    insight = "stickiness"

    def make(self):
        self.event, self.minimum = self.rng.choice(["A", "B", None]), self.rng.choice([1, 1, 2])
        self.json.update({"event": self.event, "minimum": self.minimum})
        self.break_down(["team"], 0.3)

    def sql(self, d):
        value = self.by or "NULL"
        acts = (f"SELECT u, team, {self.index(d)} AS p FROM t WHERE {self.where(d, self.name_is(self.event))} "
                f"GROUP BY u, team, p HAVING count(*) >= {self.minimum}")
        return (f"SELECT k, {value} AS v, count(*) FROM (SELECT u, min(team) AS team, count(*) AS k FROM ({acts}) a "
                "GROUP BY u) s GROUP BY k, v")

    def rows(self, rows):
        return {(k, v): n for k, v, n in rows if n}

    def read(self, answer):
        parts = [(g["value"][0], g) for g in answer["groups"]] if self.by else [(None, answer)]
        return {(k, value): n for value, part in parts for k, n in enumerate(part["counts"], 1) if n}


# --- paths -----------------------------------------------------------------------------------

class Paths(Question):
    """Only of worlds without two events of a person at one time: their order is nobody's to say."""
    insight = "paths"

    def make(self):
        rng = self.rng
        self.steps, self.counts = rng.randint(2, 6), rng.choice(["people", "traversals"])
        self.gap = rng.choice([30 * 60000, 6 * HOUR_MS, 3 * 24 * HOUR_MS])
        self.json.pop("interval")
        self.json.update({"nodes": "event", "steps": self.steps, "count": self.counts,
                          "session_gap": f"{self.gap // 60000}m"})

    def sql(self, d):
        figure = "count(DISTINCT u)" if self.counts == "people" else "count(*)"
        over = "OVER (PARTITION BY u ORDER BY time)"
        events = f"SELECT u, time, name FROM t WHERE {self.where(d)}"
        cut = (f"SELECT u, time, name, CASE WHEN time - lag(time, 1, CAST(0 AS BIGINT)) {over} >= {self.gap} THEN 1 ELSE 0 END AS cut "
               f"FROM ({events}) a")
        sessions = f"SELECT u, time, name, sum(cut) {over} AS s FROM ({cut}) b"
        inside = "OVER (PARTITION BY u, s ORDER BY time)"
        fresh = (f"SELECT u, s, time, name, CASE WHEN lag(name, 1, '-') {inside} = name THEN 0 ELSE 1 END AS is_new "
                 f"FROM ({sessions}) c")
        placed = f"SELECT u, s, time, name, row_number() {inside} AS k FROM ({fresh}) e WHERE is_new = 1"
        edges = (f"SELECT u, k, name, lead(name, 1, '') {inside} AS goes FROM ({placed}) f")
        return (f"SELECT k, name, goes, {figure} FROM ({edges}) g WHERE goes <> '' AND k < {self.steps} "
                "GROUP BY k, name, goes")

    def rows(self, rows):
        return {(f"{k}:{a}", f"{k + 1}:{b}"): n for k, a, b, n in rows}

    def read(self, answer):
        return {(e["from"], e["to"]): e["count"] for e in answer["edges"]}


KINDS = [Trends, Trends, Trends, Funnel, Funnel, Retention, Retention, Lifecycle, Stickiness, Paths]


def question(rng, world):
    kind = rng.choice(KINDS)
    while kind is Paths and world.has_ties:
        kind = rng.choice(KINDS)
    return kind(rng, world)
