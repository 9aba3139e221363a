"""results.json, and the table and the figure made of it."""
import json
import os

import figure
from catalogue import ABSENT, BARS, EVERYONE, ITSELF
from estimate import geometric_mean


WHOLE_MODELS = ("training", "per_sample", "hvp", "sensitivity")


class Results:
    """results.json: {"meta": {...}, "rows": [...]}, written whole after every row."""

    def __init__(self, path):
        self.path = path
        self.meta, self.rows = {}, []
        if os.path.exists(path):
            with open(path) as file:
                content = json.load(file)
            self.meta, self.rows = content["meta"], content["rows"]

    def describe(self, meta):
        """Of this run; versions of peers that only earlier ones had stay."""
        self.meta = {**meta, "versions": {**self.meta.get("versions", {}), **meta["versions"]}}

    def has(self, row, threads, peers):
        """Is the row there, with all of these peers that it can have?"""
        for entry in self.rows:
            if (entry["family"], entry["row"], entry["threads"]) == (row.family, row.name, threads):
                return all(p in entry["peers"] or p in entry["failures"]
                           for p in row.peers if p in peers or p == ITSELF)
        return False

    def put(self, entry, order):
        def same(other):
            return all(other[k] == entry[k] for k in ("family", "row", "threads"))
        self.rows = [r for r in self.rows if not same(r)] + [entry]
        self.rows.sort(key=lambda r: (r["threads"], order.get(f"{r['family']}/{r['row']}", len(order))))
        replace(self.path, json.dumps({"meta": self.meta, "rows": self.rows}, indent=1))


def replace(path, text):
    """The file appears whole or not at all."""
    with open(path + ".tmp", "w") as file:
        file.write(text)
    os.replace(path + ".tmp", path)


def duration(seconds):
    if seconds is None:
        return ""
    for unit, scale in (("s", 1), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def met(entry):
    """A row whose interval includes its bar counts as met."""
    return entry["ci95"][1] >= entry["bar"]


def shares(entry):
    """Of a row against Sonde itself: its time in the other's, the interval, its memory in the other's."""
    low, high = entry["ci95"]
    return 1 / entry["ratio"], 1 / high, 1 / low, entry["peak_bytes"] / entry["other_peak_bytes"]


def kept(entry):
    """Of a row against Sonde itself: whether time and memory are within their limits; None if there are none."""
    _, low, _, memory = shares(entry)
    limits = [(low, entry["most_time"]), (memory, entry["most_memory"])]
    found = [value <= most for value, most in limits if most is not None]
    return all(found) if found else None


def line_of_itself(entry):
    time, low, high, memory = shares(entry)
    return (f"{entry['row']}: {duration(entry['sonde_s'])} / {duration(entry['peers'][ITSELF])} = {time:.2f} "
            f"[{low:.2f}, {high:.2f}] of the time, {memory:.2f} of the memory"
            f"{'  MISSED' if kept(entry) is False else ''}")


def line(entry):
    if entry["family"] == ITSELF:
        return line_of_itself(entry)
    low, high = entry["ci95"]
    peers = "  ".join(f"{p} {duration(s)}" for p, s in entry["peers"].items())
    return (f"{entry['family']}/{entry['row']}: Sonde {duration(entry['sonde_s'])}  {peers}  "
            f"ratio {entry['ratio']:.2f} [{low:.2f}, {high:.2f}]  bound {entry['bound']:.2f}"
            f"{'' if met(entry) else '  MISSED'}")


def table(entries):
    yield "| row | Sonde | eager | compile | JAX | ratio | 95 % | bound | bar | |"
    yield "| --- | --: | --: | --: | --: | --: | --: | --: | --: | --- |"
    for e in entries:
        times = " | ".join(duration(e["peers"].get(p)) for p in EVERYONE)
        yield (f"| {e['row']} | {duration(e['sonde_s'])} | {times} | {e['ratio']:.2f} "
               f"| {e['ci95'][0]:.2f} … {e['ci95'][1]:.2f} | {e['bound']:.2f} | {e['bar']:g} "
               f"| {'met' if met(e) else '**missed**'} |")


def itself(entries):
    def most(value):
        return "" if value is None else f"{value:g}"
    yield "| row | time | the other's | share | 95 % | at most | MiB | the other's | share | at most | |"
    yield "| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --- |"
    for e in entries:
        time, low, high, memory = shares(e)
        yield (f"| {e['row']} | {duration(e['sonde_s'])} | {duration(e['peers'][ITSELF])} | {time:.2f} "
               f"| {low:.2f} … {high:.2f} | {most(e['most_time'])} | {e['peak_bytes'] / 2**20:.0f} "
               f"| {e['other_peak_bytes'] / 2**20:.0f} | {memory:.2f} | {most(e['most_memory'])} "
               f"| {({True: 'met', False: '**missed**', None: ''})[kept(e)]} |")


def summary(rows):
    yield "| family | threads | rows | rows met | geometric mean | bar | |"
    yield "| --- | --: | --: | --: | --: | --: | --- |"
    for threads in sorted({r["threads"] for r in rows}):
        for family, bar in BARS.items():
            entries = [r for r in rows if r["family"] == family and r["threads"] == threads]
            if entries:
                mean = geometric_mean([e["ratio"] for e in entries])
                # Of whole training steps each shall reach the bar, of the others the mean.
                good = all(met(e) for e in entries) if family == "training" else mean >= bar
                yield (f"| {family} | {threads} | {len(entries)} | {sum(map(met, entries))} | {mean:.2f} | {bar:g} "
                       f"| {'met' if good else '**missed**'} |")


def memory(entries):
    yield "| row | threads | MiB |"
    yield "| --- | --: | --: |"
    for e in entries:
        yield f"| {e['family']}: {e['row']} | {e['threads']} | {e['peak_bytes'] / 2**20:.0f} |"


def markdown(results):
    meta, rows = results.meta, results.rows
    versions = ", ".join(f"{name} {version}" for name, version in meta["versions"].items())
    yield (f"{meta['date']}. {meta['cpu']}, {meta['cpus']} CPUs, SIMD {meta['simd']}, BLAS core {meta['blas_core']}; "
           f"load {meta['load']:.1f} at the start"
           f"{'; programs had real-time priority while they were timed' if meta['realtime'] else ''}.")
    yield f"Versions: {versions}."
    yield ""
    yield ("ratio: best peer's time / Sonde's (more than 1: Sonde is faster), with its 95 % interval. bound: share of "
           "what the machine's multiply-adds and copies allow. A row whose interval includes its bar counts as met.")
    yield ""
    yield from summary(rows)
    for threads in sorted({r["threads"] for r in rows}):
        for family in BARS:
            entries = [r for r in rows if r["family"] == family and r["threads"] == threads]
            if entries:
                yield ""
                yield f"## {family}, {threads} thread{'s' if threads > 1 else ''}"
                yield ""
                yield from table(entries)
                if family in ABSENT:
                    yield ""
                    yield ABSENT[family]
        entries = [r for r in rows if r["family"] == ITSELF and r["threads"] == threads]
        if entries:
            yield ""
            yield f"## Sonde against itself, {threads} thread{'s' if threads > 1 else ''}"
            yield ""
            yield from itself(entries)
    whole = [r for r in rows if r["family"] in WHOLE_MODELS]
    if whole:
        yield ""
        yield "## memory of whole models"
        yield ""
        yield "What Sonde's tensors hold at the peak of one call."
        yield ""
        yield from memory(whole)


def write(results, folder, page=None):
    """table.md and ratios.svg in `folder`; the table also into `page`, between its marks."""
    text = "\n".join(markdown(results)) + "\n"
    replace(os.path.join(folder, "table.md"), text)
    replace(os.path.join(folder, "ratios.svg"), figure.ratios(results.rows, BARS))
    if page:
        with open(page) as file:
            before, _, rest = file.read().partition("<!-- table -->\n")
        replace(page, before + "<!-- table -->\n" + text + "<!-- end -->\n" + rest.partition("<!-- end -->\n")[2])
    print(f"{folder}: results.json, table.md, ratios.svg")
    for line_of_summary in summary(results.rows):
        print(line_of_summary)
