"""An independent reader of a project's directory, written from docs/format and nothing else: standard
library, and the `zstd` command for packed texts. It trusts checksums and lengths, follows the manifest,
and gives the events and people of the store. It is the test of those pages; speed is no aim.

usage: reader.py DIRECTORY    prints the events as JSON lines
"""
import json
import os
import re
import struct
import subprocess
import sys

from xxh3 import xxh3_64


class Damaged(Exception):
    pass


def need(condition, what):
    if not condition:
        raise Damaged(what)


# --- numbers -----------------------------------------------------------------------------------

def make_crc_table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
        table.append(n)
    return table


CRC_TABLE = make_crc_table()


def crc32c(start, data):
    crc = start ^ 0xFFFFFFFF
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


class Bytes:
    """A run of bytes that is read from the front."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def left(self):
        return len(self.data) - self.at

    def take(self, count):
        need(count <= self.left(), "cut")
        self.at += count
        return self.data[self.at - count:self.at]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

    def signed(self):
        value = self.varint()
        return value >> 1 ^ -(value & 1)

    def text(self):
        return self.take(self.varint())


def as_i64(value):
    return (value + 2**63) % 2**64 - 2**63


# --- the head (directory.md) -------------------------------------------------------------------

class Head:
    def __init__(self, data, magic):
        need(len(data) >= 128 and data[:8] == magic, "not such a file")
        need(struct.unpack_from("<I", data, 124)[0] == crc32c(0, data[:124]), "the head's checksum")
        version, size, self.store, self.number, self.first, self.salt, name = \
            struct.unpack_from("<IIQQQII", data, 8)
        need(version == 1 and size == 128, "another version")
        self.project = data[48:48 + name].decode()


# --- the manifest (manifest.md) ----------------------------------------------------------------

MARKS = ["people_file", "people_bytes", "people", "facts_file", "facts_bytes", "log_file", "log_sequence",
         "next_segment", "next_age", "log_durable"]


class Manifest:
    def __init__(self, data):
        self.head = Head(data, b"TENUREmf")
        self.segments, self.marks, self.hidden, self.kept = {}, {}, set(), {}
        at, number = 128, 0
        while len(data) - at >= 24:
            size, crc, found = struct.unpack_from("<IIQ", data, at)
            record, end = data[at + 8:at + 16 + size], data[at + 16 + size:at + 24 + size]
            if found != number or len(end) < 8 or crc != crc32c(self.head.salt, record):
                break
            need(struct.unpack("<II", end) == (size, 0x444E454D), "the end of a record")
            self.apply(Bytes(record[8:]))
            at, number = at + 24 + size, number + 1
        need(at == len(data), "a torn tail: these tests leave none")
        need(number > 0, "the manifest's first record")

    def apply(self, items):
        while items.left():
            kind = items.varint()
            if kind == 1:
                number, age = items.varint(), items.varint()
                self.segments[number] = {"age": age, "month": items.signed(), "rows": items.varint(),
                                         "bytes": items.varint()}
            elif kind == 2:
                del self.segments[items.varint()]
            elif kind == 3:
                self.marks = {name: items.varint() for name in MARKS}
            elif kind == 4:
                self.hidden.add(items.varint())
            elif kind == 5:
                self.hidden.remove(items.varint())
            elif kind == 6:
                name, period = items.text(), items.varint()
                self.kept[name] = period
            else:
                raise Damaged(f"item {kind}")


# --- people (people.md) ------------------------------------------------------------------------

def read_people(data, marks):
    head, ids, at = Head(data, b"TENUREpe"), [], 128
    need(head.number == marks["people_file"], "the number of the people file")
    while at < marks["people_bytes"]:
        size, crc, first, count = struct.unpack_from("<IIII", data, at)
        need(crc == crc32c(head.salt, data[at + 8:at + 16 + size]), "a block of people")
        need(first == len(ids), "the order of people")
        block = Bytes(data[at + 16:at + 16 + size])
        for _ in range(count):
            ids.append(block.take(struct.unpack("<H", block.take(2))[0]))
        need(not block.left(), "a block of people")
        at += 16 + size
    need(len(ids) == marks["people"], "the number of people")
    return ids


def read_facts(data, marks):
    head, facts, at = Head(data, b"TENUREfa"), [], 128
    while at < marks["facts_bytes"]:
        size, crc = struct.unpack_from("<II", data, at)
        block = Bytes(data[at + 8:at + 8 + size])
        need(crc == crc32c(head.salt, block.data), "a block of facts")
        while block.left():
            events, more = read_batch(block.take(struct.unpack("<I", block.take(4))[0]))
            need(not events and len(more) == 1, "a fact")
            facts += more
        at += 8 + size
    return facts


# --- the log (wal.md) --------------------------------------------------------------------------

def read_log(data, number, visit, expected):
    """Calls visit(sequence, payload) for each batch; answers the sequence that comes next."""
    head, at = Head(data, b"TENURElg"), 128
    need(head.number == number, "the number of a log file")
    need(expected is None or head.first == expected, "the log has a gap")
    sequence = head.first
    while len(data) - at >= 48:
        mark, crc, size, count, first, _durable, fresh = struct.unpack_from("<IIIIQQQ", data, at)
        end = at + 40 + (size + 7) // 8 * 8
        if mark != 0x4D52464C or end + 8 > len(data) or first != sequence or \
                crc != crc32c(head.salt, data[at + 8:at + 40 + size]):
            break
        need(struct.unpack_from("<II", data, end) == (size, 0x444E454C), "the end of a frame")
        need(0 < fresh <= first, "what a frame says is fresh")
        payload = Bytes(data[at + 40:at + 40 + size])
        for n in range(count):
            visit(sequence + n, payload.take(struct.unpack("<I", payload.take(4))[0]))
        need(not payload.left(), "a frame")
        sequence += count
        at = end + 8
    need(not any(data[at:]), "a torn tail: these tests leave none")
    return sequence


class Texts:
    def __init__(self, rest):
        self.rest, self.known = rest, []

    def take(self):
        code = self.rest.varint()
        if code >= 2:
            return self.known[code - 2]
        text = self.rest.text()
        if code == 0:
            self.known.append(text)
        return text


def read_values(rest, texts, shape):
    values = []
    for kind, name in shape:
        if kind == 1:
            value = None
        elif kind == 2:
            value = rest.varint() == 1
        elif kind == 3:
            value = rest.signed()
        elif kind == 4:
            value = struct.unpack("<d", rest.take(8))[0]
        else:
            value = texts.take()
        values.append((name, kind, value))
    return values


def read_shape(rest, texts):
    return [(rest.varint(), texts.take()) for _ in range(rest.varint())]


def read_batch(payload):
    rest = Bytes(payload)
    event_count, fact_count = rest.varint(), rest.varint()
    persons = [rest.text() for _ in range(rest.varint())]
    ids = [rest.text() for _ in range(event_count)] if rest.varint() else [b""] * event_count
    texts, events, facts = Texts(rest), [], []
    time = received = offset = 0
    shape = []
    for n in range(event_count):
        flags = rest.take(1)[0]
        copy = rest.varint() if flags & 1 else 0
        time += rest.signed()
        received += rest.signed() if flags & 16 else 0
        offset = rest.signed() if flags & 32 else offset
        sequence = rest.varint() if flags & 8 else 0
        name, person = texts.take(), persons[rest.varint()]
        account = texts.take() if flags & 2 else b""
        session = texts.take() if flags & 4 else b""
        shape = shape if flags & 64 else read_shape(rest, texts)
        events.append({"id": ids[n], "copy": copy, "time": time, "received": received, "offset": offset,
                       "sequence": sequence, "event": name, "person": person, "account": account,
                       "session": session, "properties": read_values(rest, texts, shape)})
    for _ in range(fact_count):
        kind = rest.varint()
        fact = {"kind": kind & 15, "subject": texts.take()}
        received += rest.signed()
        fact["received"] = received
        fact["created"] = rest.signed() if kind & 16 else None
        if fact["kind"] >= 2:
            fact["other"] = texts.take()
        else:
            shape = shape if kind & 32 else read_shape(rest, texts)
            fact["traits"] = read_values(rest, texts, shape)
        fact["by"] = texts.take() if kind & 64 else b""
        fact["reason"] = texts.take() if kind & 128 else b""
        facts.append(fact)
    need(not rest.left(), "a batch")
    return events, facts


# --- segments (segment.md) ---------------------------------------------------------------------

COLUMN = struct.Struct("<BBBBB3xqqII8QQII16x")
KINDS = ["time", "event", "account", "session", "received", "offset", "sequence", "id", "property"]
INTEGER, DICTIONARY, DOUBLE, TEXT, PRESENCE = range(5)


def unpacked(data):
    return subprocess.run(["zstd", "-dcq"], input=data, capture_output=True, check=True).stdout


class Column:
    def __init__(self, segment, at):
        data, base = segment.data, segment.directory_at
        (self.kind, self.form, self.type, self.bits, flags, self.base, self.scale, self.row_count,
         self.count, self.lanes_at, rows_at, offsets_at, values_at, values_bytes, plain_bytes, bits_at,
         total, sums_at, name_at, name_bytes) = COLUMN.unpack_from(data, at)
        self.optional, self.sparse, packed, uuids = (bool(flags & bit) for bit in (1, 2, 4, 8))
        self.name = data[base + name_at:base + name_at + name_bytes]
        self.rows = list(struct.unpack_from(f"<{self.row_count}I", data, rows_at)) if self.sparse \
            else list(range(segment.rows))
        self.lanes = self.read_lanes(data, base + sums_at)
        values = data[values_at:values_at + values_bytes]
        texts = self.type in (5, 6) and self.form in (DICTIONARY, TEXT) and not packed
        has_offsets = texts and not uuids
        offsets = struct.unpack_from(f"<{self.count + 1}I", data, offsets_at) if has_offsets else ()
        id_bits = data[bits_at:bits_at + (self.count + 7) // 8] if bits_at else b""
        self.check(data, total, rows_at, offsets_at if has_offsets else 0, id_bits, values)
        if packed:
            values = unpacked(values)
            need(len(values) == plain_bytes, "the length of packed texts")
            offsets, values = self.lengths_to_offsets(values)
        self.values = self.read_values(values, offsets, uuids, id_bits)

    def check(self, data, total, rows_at, offsets_at, id_bits, values):
        seen = xxh3_64(data[rows_at:rows_at + 4 * self.row_count] if self.sparse else b"", 0)
        if offsets_at:
            seen = xxh3_64(data[offsets_at:offsets_at + 4 * self.count + 4], seen)
        if id_bits:
            seen = xxh3_64(id_bits, seen)
        need(xxh3_64(values, seen) == total, f"the dictionary of column {self.kind} {self.name}")

    def read_lanes(self, data, sums_at):
        count = len(self.rows)
        if not self.bits or self.kind == 7 or self.form == PRESENCE:
            return None
        for n, first in enumerate(range(0, count, 65536)):
            lanes = min(65536, count - first)
            part = data[self.lanes_at + first * self.bits // 8:][:(lanes * self.bits + 7) // 8]
            need(xxh3_64(part, 0) == struct.unpack_from("<Q", data, sums_at + 8 * n)[0], "lanes")
        if self.bits >= 8:
            letter = {8: "B", 16: "H", 32: "I", 64: "Q"}[self.bits]
            return struct.unpack_from(f"<{count}{letter}", data, self.lanes_at)
        mask = (1 << self.bits) - 1
        return [data[self.lanes_at + i * self.bits // 8] >> i * self.bits % 8 & mask
                for i in range(count)]

    def lengths_to_offsets(self, values):
        rest = Bytes(values)
        offsets = [0]
        for _ in range(self.count):
            offsets.append(offsets[-1] + rest.varint())
        return offsets, rest.take(rest.left())

    def read_values(self, values, offsets, uuids, id_bits):
        if uuids:
            return [uuid_text(values[16 * i:16 * i + 16]) for i in range(self.count)]
        if self.form not in (DICTIONARY, TEXT) and self.kind != 7:
            return []
        if self.type == 3:
            return struct.unpack(f"<{self.count}q", values)
        if self.type == 4:
            return struct.unpack(f"<{self.count}d", values)
        texts = [values[offsets[i]:offsets[i + 1]] for i in range(self.count)]
        return [uuid_text(t) if id_bits and id_bits[i // 8] >> i % 8 & 1 else t
                for i, t in enumerate(texts)]

    def value(self, lane):
        """(there?, value) of a lane."""
        if self.optional:
            if lane == 0:
                return False, None
            lane -= 1
        if self.form == DOUBLE:
            return True, struct.unpack("<d", struct.pack("<Q", lane))[0]
        if self.form == INTEGER:
            return True, self.plain(as_i64(self.base + self.scale * lane))
        return True, self.values[lane]

    def plain(self, number):
        """An integer as what the column holds."""
        return {1: None, 2: bool(number)}.get(self.type, number)

    def by_row(self):
        """The rows that have a value, with it."""
        for place, row in enumerate(self.rows):
            if self.kind == 7:
                yield row, self.values[place]
            elif self.form == PRESENCE:
                yield row, self.plain(self.base)
            elif self.lanes is None:
                if self.form in (DICTIONARY, TEXT):
                    yield row, self.values[0]
                elif self.form == DOUBLE:
                    yield row, struct.unpack("<d", struct.pack("<q", self.base))[0]
                else:
                    yield row, self.plain(self.base)
            else:
                is_there, value = self.value(self.lanes[place])
                if is_there:
                    yield row, value


def uuid_text(raw):
    text = raw.hex()
    return "-".join([text[:8], text[8:12], text[12:16], text[16:20], text[20:]]).encode()


class Segment:
    def __init__(self, data, project):
        self.data = data
        (magic, version, size, self.number, self.age, self.month, self.first, self.last, self.rows, persons,
         columns, _ids, total, self.directory_at, directory_bytes, directory_sum, name) = \
            struct.unpack_from("<8sIIQQqqqIIIIQQQQB", data)
        need(magic == b"TENURSEG" and version == 1 and size == 256, "not a segment")
        need(struct.unpack_from("<Q", data, 248)[0] == xxh3_64(data[:248], 0), "the header")
        need(total == len(data) == self.directory_at + directory_bytes, "the length of a segment")
        need(data[105:105 + name].decode() == project, "another project's segment")
        directory = data[self.directory_at:]
        need(xxh3_64(directory, 0) == directory_sum, "the directory")
        persons_at, starts_at, people_sum = struct.unpack_from("<QQQ", directory)
        columns_at, = struct.unpack_from("<Q", directory, 56)
        raw_persons = data[persons_at:persons_at + 4 * persons]
        raw_starts = data[starts_at:starts_at + 4 * persons + 4]
        need(xxh3_64(raw_starts, xxh3_64(raw_persons, 0)) == people_sum, "persons")
        self.persons = struct.unpack(f"<{persons}I", raw_persons)
        self.starts = struct.unpack(f"<{persons + 1}I", raw_starts)
        self.columns = [Column(self, self.directory_at + columns_at + 128 * i) for i in range(columns)]

    def events(self, people, hidden):
        rows = [{"id": b"", "account": b"", "session": b"", "sequence": 0, "properties": []}
                for _ in range(self.rows)]
        for person, first, end in zip(self.persons, self.starts, self.starts[1:]):
            for row in range(first, end):
                rows[row]["person"] = None if person in hidden else people[person]
        for column in self.columns:
            for row, value in column.by_row():
                if column.kind == 8:
                    rows[row]["properties"].append((column.name, column.type, value))
                else:
                    rows[row][KINDS[column.kind]] = value
        for row in rows:
            row["time"] += self.month
        return [row for row in rows if row["person"] is not None]


# --- a project ---------------------------------------------------------------------------------

def read_file(folder, name):
    with open(os.path.join(folder, name), "rb") as f:
        return f.read()


def content(event):
    return tuple(event[k] for k in ("person", "event", "time", "sequence", "account", "session", "offset")) + \
        (tuple(sorted((n, k, repr(v)) for n, k, v in event["properties"])),)


class Project:
    """events: a list of dicts as the log has them; facts: in order; people: by ordinal."""

    def __init__(self, folder):
        self.manifest = manifest = Manifest(read_file(folder, "manifest"))
        marks, project = manifest.marks, manifest.head.project
        self.people = read_people(read_file(folder, f"people-{marks['people_file']}"), marks) \
            if marks["people_bytes"] else []
        self.facts = read_facts(read_file(folder, f"facts-{marks['facts_file']}"), marks) \
            if marks["facts_bytes"] else []
        self.events = []
        for number, entry in sorted(manifest.segments.items()):
            data = read_file(folder, f"seg-{number:010}.tns")
            segment = Segment(data, project)
            need((segment.number, segment.age, segment.month, segment.rows, len(data)) ==
                 (number, entry["age"], entry["month"], entry["rows"], entry["bytes"]), "the manifest")
            self.events += segment.events(self.people, manifest.hidden)
        self.in_segments = len(self.events)
        self.read_logs(folder, marks)

    def read_logs(self, folder, marks):
        self.ids = {e["id"] for e in self.events if e["id"]}
        self.held = {}
        for event in self.events:
            if not event["id"]:
                self.held[content(event)] = self.held.get(content(event), 0) + 1
        logs = sorted(int(n[4:]) for n in os.listdir(folder) if re.fullmatch(r"wal-\d{10}", n))
        expected = None
        for number in (n for n in logs if n >= marks["log_file"]):
            expected = read_log(read_file(folder, f"wal-{number:010}"), number,
                                lambda sequence, payload: self.take(sequence, payload, marks), expected)
        need((expected or 1) >= marks["log_durable"], "the log's end")

    def take(self, sequence, payload, marks):
        if sequence < marks["log_sequence"]:
            return
        events, facts = read_batch(payload)
        self.facts += facts
        for event in events:
            if event["id"]:
                if event["id"] in self.ids:
                    continue
                self.ids.add(event["id"])
            else:
                held = self.held.get(content(event), 0)
                if held > event["copy"]:
                    continue
                self.held[content(event)] = held + 1
            self.events.append(event)


def shown(event):
    properties = {}
    for name, kind, value in event["properties"]:
        properties[name.decode()] = json.loads(value) if kind == 6 else \
            value.decode() if kind == 5 else value
    texts = {k: event[k].decode() for k in ("event", "person", "id", "account", "session") if event[k]}
    return {**texts, "time": event["time"], "properties": properties}


def main():
    for event in Project(sys.argv[1]).events:
        print(json.dumps(shown(event), ensure_ascii=False, sort_keys=True))


if __name__ == "__main__":
    main()
