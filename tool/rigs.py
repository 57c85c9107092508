"""The table tool/campaigns.txt: every rig with its counts. tool/test, tool/campaign, tool/coverage
and tool/promises read it here."""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TABLE = os.path.join(ROOT, "tool", "campaigns.txt")
FIELDS = ["name", "test", "campaign", "parts", "cores", "minutes", "promises", "command"]


class Rig:
    def __init__(self, words, what):
        (self.name, test, campaign, parts, cores, minutes, promises), command = words[:7], words[7:]
        self.test, self.campaign = int(test), int(campaign)
        self.parts, self.cores, self.minutes = int(parts), int(cores), int(minutes)
        self.promises = promises.split(",")
        self.words = command
        self.what = what

    def command(self, build, trials, seed):
        """What to run, as a list of words."""
        program, more = self.words[0], self.words[1:]
        script = os.path.join(ROOT, "test", "rig", program + ".py")
        start = [sys.executable, script] if os.path.exists(script) else \
            [os.path.join(build, "test", "rig", program)]
        return start + more + ["--trials", str(trials), "--seed", str(seed)]

    def part(self, n):
        """(trials, first seed) of part n of the campaign; parts count from 0."""
        first = self.campaign * n // self.parts
        return self.campaign * (n + 1) // self.parts - first, 1 + first


def read_table(path=TABLE):
    rigs = []
    with open(path, encoding="utf-8") as f:
        for n, line in enumerate(f, 1):
            if line.startswith("#") or not line.strip():
                continue
            row, _, what = line.partition("#")
            words = row.split()
            if len(words) < len(FIELDS) or not what.strip():
                raise SystemExit(f"{path}:{n}: a row has {', '.join(FIELDS)}, # and what a trial is")
            rig = Rig(words, what.strip())
            if any(r.name == rig.name for r in rigs):
                raise SystemExit(f"{path}:{n}: {rig.name} is there twice")
            if not 1 <= rig.parts <= rig.campaign:
                raise SystemExit(f"{path}:{n}: {rig.parts} parts of {rig.campaign} trials")
            rigs.append(rig)
    return rigs


def last_line(text):
    """(passed, failed, skipped) of a rig's last line, or None."""
    found = re.findall(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", text, flags=re.M)
    return tuple(int(n or 0) for n in found[-1]) if found else None
