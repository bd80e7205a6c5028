"""The peers' job in Bytewax, one worker: python main.py INPUT OUTPUT PASSES"""

import json
import sys
import time
from collections import deque
from datetime import datetime
from pathlib import Path

import bytewax.operators as op
import orjson
from bytewax.connectors.files import FileSource
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, cluster_main

MINUTE = 60
LEVELS = ("none", "yellow", "orange", "red")

# Rule, quantity, minutes, aggregate, thresholds in tenths, direction. Sums are in tenths: exact.
RULES = (
    ("rain-1h", "rainfall", 60, "sum", (200, 300, 600), 1),
    ("rain-3h", "rainfall", 180, "sum", (400, 600, 900), 1),
    ("gust-1h", "windGust", 60, "max", (170, 250, 330), 1),
    ("heat-3h", "airTemperature", 180, "avg", (340, 370, 400), 1),
    ("cold-1h", "airTemperature", 60, "max", (30, 0, -30), -1),
    ("dry-3h", "relativeHumidity", 180, "avg", (300, 200, 120), -1),
)


class Window:
    """(t - w, t] of one quantity: a running sum, or a monotonic queue for the maximum."""

    __slots__ = ("held", "total", "span", "is_max")

    def __init__(self, minutes, kind):
        self.held = deque()
        self.total = 0
        self.span = minutes * MINUTE
        self.is_max = kind == "max"

    def add(self, at, value):
        held = self.held
        before = at - self.span
        if self.is_max:
            while held and held[-1][1] <= value:
                held.pop()
            held.append((at, value))
            while held[0][0] <= before:
                held.popleft()
            return held[0][1], 1
        held.append((at, value))
        self.total += value
        while held[0][0] <= before:
            self.total -= held.popleft()[1]
        return self.total, len(held)


def new_state():
    return [(Window(minutes, kind), [0]) for _, _, minutes, kind, _, _ in RULES]


def step(state, report):
    """Reports of one station in order; gives the changes of level."""
    if state is None:
        state = new_state()
    at, text, values = report
    changes = []
    for (rule, quantity, _, kind, thresholds, direction), (window, known) in zip(RULES, state):
        value, count = window.add(at, values[quantity])
        scale = count if kind == "avg" else 1
        level = 0
        for threshold in thresholds:
            level += (value - threshold * scale) * direction >= 0
        if level != known[0]:
            changes.append((rule, text, LEVELS[known[0]], LEVELS[level]))
            known[0] = level
    return state, changes


QUANTITIES = ("rainfall", "windGust", "airTemperature", "relativeHumidity")


def parse(line):
    report = orjson.loads(line)
    text = report["observedAt"]
    values = report["values"]
    at = int(datetime.fromisoformat(text).timestamp())
    return report["station"], (at, text, {q: round(values[q] * 10) for q in QUANTITIES})


def flow_of(path, out):
    flow = Dataflow("alerts")
    lines = op.input("lines", flow, FileSource(path, batch_size=1000))
    reports = op.map("parse", lines, parse)
    changes = op.stateful_map("windows", reports, step)
    alerts = op.flat_map("each", changes, lambda kc: ["\t".join((kc[0], *change)) for change in kc[1]])
    op.output("out", alerts, TestingSink(out))
    return flow


if __name__ == "__main__":
    source, target, passes = sys.argv[1:4]
    for i in range(int(passes)):
        begin, cpu = time.perf_counter(), time.process_time()
        found = []
        cluster_main(flow_of(source, found), [], 0)
        Path(target).write_text("".join(f"{line}\n" for line in found))
        ms = (time.perf_counter() - begin) * 1000
        cpu = (time.process_time() - cpu) * 1000
        print(json.dumps({"pass": i, "ms": ms, "cpu": cpu, "alerts": len(found)}), flush=True)
