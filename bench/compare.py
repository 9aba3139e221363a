#!/usr/bin/env python3
"""Sonde against PyTorch (eager, compiled) and JAX, side by side in one run.

Every row runs in all programs on the same numbers; first the results are compared, then the programs are timed in
turns, so that a noisy phase of the machine meets all of them. A ratio is the best peer's time over Sonde's (medians of
the rounds), with a 95 % bootstrap interval. scripts/bench.sh sets everything up and calls this; bench/README.md says
how to read the table.
"""
import argparse
import fnmatch
import json
import os
import sys
import tempfile
import time

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(HERE, "peers"))

import report  # noqa: E402
from catalogue import BARS, EVERYONE, ITSELF, all_rows  # noqa: E402
from client import Failed, clients, rest  # noqa: E402
from estimate import best_ratio, largest_difference, ratio_interval  # noqa: E402

TOLERANCE = {"f32": 1e-4, "f64": 1e-10}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2, help="threads of every program (default 2)")
    parser.add_argument("--rows", default="*", help="patterns of FAMILY/ROW, separated by commas ('matmul/*,*GELU*')")
    parser.add_argument("--peers", default=",".join(EVERYONE), help=f"of {','.join(EVERYONE)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="PyTorch eager only, one size of a family")
    parser.add_argument("--rounds", type=int, default=15, help="samples of each program and row (default 15)")
    parser.add_argument("--sample", type=float, default=2e-3, help="least seconds of a sample (default 0.002)")
    parser.add_argument("--budget", type=float, default=10,
                        help="seconds of timing after which a row takes no further round, if it has 5 (default 10)")
    parser.add_argument("--realtime", action="store_true",
                        help="gives programs real-time priority, for a machine that others use; needs root")
    parser.add_argument("--out", default=os.path.join(ROOT, "out", "bench"), help="default out/bench")
    parser.add_argument("--page", help="a page whose text between <!-- table --> and <!-- end --> becomes the table")
    parser.add_argument("--fresh", action="store_true", help="measures again what results.json has")
    parser.add_argument("--sonde", default=os.path.join(ROOT, "build/release/bin/bench_peer"), help="bench_peer")
    parser.add_argument("--list", action="store_true", help="prints the rows and ends")
    return parser.parse_args()


def selected(options):
    patterns = options.rows.split(",")
    rows = [r for r in all_rows() if any(fnmatch.fnmatchcase(r.id, p) or r.family == p for p in patterns)]
    return [r for r in rows if r.quick] if options.quick else rows


def check(row, running):
    """Runs the row once everywhere and compares with Sonde's results: {peer: largest relative difference}, and the
    bytes of the results. Failed if a difference is beyond the tolerance."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, client in running.items():
            path = os.path.join(folder, name + ".npz")
            client.ask("dump", path=path)
            with np.load(path) as arrays:
                found[name] = [arrays[str(i)] for i in range(len(arrays.files))]
    tolerance, differences = row.tolerance or TOLERANCE[row.dtype], {}
    for peer in [name for name in running if name != "sonde"]:
        if row.together:
            pairs = [tuple(np.concatenate([r.ravel() for r in found[name]]) for name in ("sonde", peer))]
        elif len(found[peer]) > len(found["sonde"]):
            raise Failed(f"{peer} has {len(found[peer])} results, Sonde {len(found['sonde'])}")
        else:
            pairs = list(zip(found["sonde"], found[peer]))
        differences[peer] = max(largest_difference(a, b) for a, b in pairs)
        if not differences[peer] <= tolerance:
            raise Failed(f"results differ from {peer}'s by {differences[peer]:.1e} of the largest number")
    return differences, sum(r.nbytes for r in found["sonde"])


def calls_per_sample(client, sample):
    """As many as last `sample` seconds, and whether one more is to come before them: of a call that takes long, waking
    threads and filling caches is no part."""
    calls = 1
    while True:
        seconds = client.ask("time", calls=calls, warm=calls == 1)["seconds"]
        if seconds >= sample / 4 or calls >= 1 << 20:
            return {"calls": max(1, round(calls * sample / max(seconds, 1e-9))), "warm": seconds < 0.05 * calls}
        calls *= 4


def take_samples(row, running, options, traffic, flops):
    """Seconds of a call in each round, and the bound's. A peer that takes three times as long as another is left after
    three rounds: it will not be the best."""
    plan = {name: {"calls": 1, "warm": False} if row.slow and name != "sonde" else
            calls_per_sample(client, options.sample) for name, client in running.items()}
    samples = {name: [] for name in [*running, "bound"]}
    names, start = list(running), time.perf_counter()
    for turn in range(3 if row.slow else options.rounds):
        for name in names[turn % len(names):] + names[:turn % len(names)]:
            rest()
            samples[name].append(running[name].ask("time", **plan[name])["seconds"] / plan[name]["calls"])
        rest()
        peak = running["sonde"].ask("bound", dtype=row.dtype, bytes=traffic)
        samples["bound"].append(max(flops / peak["flops_per_second"], peak["copy_seconds"]))
        if turn == 2:
            best = min(np.median(samples[p]) for p in names if p != "sonde")
            names = [n for n in names if n == "sonde" or np.median(samples[n]) <= 3 * best]
        if turn >= 4 and time.perf_counter() - start > options.budget:
            break
    return samples


def input_bytes(row):
    size = {"f32": 4, "f64": 8, "i64": 8}
    return sum(int(np.prod(s["shape"], dtype=np.int64)) * size[s["dtype"]] for s in row.inputs
               if not s.get("shape_only"))


def described(row, options, samples, contenders):
    """What the entries of all rows have."""
    return {
        "family": row.family, "row": row.name, "dtype": row.dtype, "threads": options.threads,
        "sonde_s": float(np.median(samples["sonde"])), "ratio": float(best_ratio(samples, contenders)),
        "ci95": ratio_interval(samples, contenders), "rounds": len(samples["sonde"]), "failures": {},
        "load": os.getloadavg()[0], "date": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
    }


def measure_itself(row, everyone, options):
    """The entry of a row that another way in Sonde is the peer of."""
    ways = {"sonde": (row.op, row.params), ITSELF: (row.other.op, {**row.params, **row.other.params})}
    running = {name: everyone[name] for name in ways}
    for name, (op, params) in ways.items():
        running[name].ask("setup", op=op, params=params, inputs=row.inputs)
    differences = check(row, running)[0] if row.other.same else {}
    samples = take_samples(row, running, options, 1, 0)
    peak = {name: client.ask("memory")["peak_bytes"] for name, client in running.items()}
    return {
        **described(row, options, samples, [ITSELF]), "peers": {ITSELF: float(np.median(samples[ITSELF]))},
        "most_time": row.other.time, "most_memory": row.other.memory,
        "peak_bytes": peak["sonde"], "other_peak_bytes": peak[ITSELF], "differences": differences,
    }


def measure(row, everyone, options):
    """The row's entry in results.json."""
    if row.other:
        return measure_itself(row, everyone, options)
    asked = [p for p in options.peers.split(",") if p in row.peers]
    params = dict(row.params)
    if "model" in params:
        params.update(everyone["sonde"].ask("parameters", model=params["model"]))
    running, failures = {}, {}
    for name in ["sonde", *asked]:
        try:
            everyone[name].ask("setup", op=row.op, params=params, inputs=row.inputs)
            running[name] = everyone[name]
        except Failed as failure:
            if name == "sonde":
                raise
            failures[name] = str(failure)
    peers = [p for p in asked if p in running]
    if not peers:
        raise Failed("; ".join(failures.values()))
    differences, result_bytes = check(row, running)
    flops = running["sonde"].ask("flops")["flops"]
    samples = take_samples(row, running, options, input_bytes(row) + result_bytes, flops)
    contenders = [p for p in peers if len(samples[p]) == len(samples["sonde"])]
    median = {name: float(np.median(s)) for name, s in samples.items()}
    return {
        **described(row, options, samples, contenders), "peers": {p: median[p] for p in peers},
        "bound": median["bound"] / median["sonde"], "bar": BARS[row.family],
        "peak_bytes": running["sonde"].ask("memory")["peak_bytes"], "differences": differences, "failures": failures,
    }


def meta(everyone, options):
    """Versions and the machine. Ends the program if Sonde's BLAS does not fit the CPU."""
    sonde = everyone["sonde"].ask("info")
    if sonde["blas_warning"]:
        sys.exit(f"not timed: {sonde['blas_warning']}")
    versions = dict(sonde["versions"])
    for peer in options.peers.split(","):
        versions.update(everyone[peer].ask("info")["versions"])
    return {"date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), "cpu": sonde["cpu"], "simd": sonde["simd"],
            "blas_core": sonde["blas_core"], "build_type": sonde["build_type"], "cpus": os.cpu_count(),
            "load": os.getloadavg()[0], "realtime": options.realtime, "versions": versions,
            "command": " ".join(sys.argv[1:])}


def run(rows, everyone, results, options):
    """Measures the rows that are not there yet; returns how many could not be."""
    order = {row.id: i for i, row in enumerate(all_rows())}
    failed = 0
    for i, row in enumerate(rows):
        if not options.fresh and results.has(row, options.threads, options.peers.split(",")):
            continue
        start = time.perf_counter()
        try:
            entry = measure(row, everyone, options)
        except Failed as failure:
            failed += 1
            print(f"[{i + 1}/{len(rows)}] {row.id}: not measured: {failure}", flush=True)
            continue
        results.put(entry, order)
        print(f"[{i + 1}/{len(rows)}] {report.line(entry)}   {time.perf_counter() - start:.0f} s", flush=True)
    return failed


def main():
    options = arguments()
    if options.quick:
        options.peers = "eager"
    rows = selected(options)
    if options.list:
        print("\n".join(row.id for row in rows))
        return 0
    if not rows:
        sys.exit(f"no row matches '{options.rows}'")
    os.makedirs(options.out, exist_ok=True)
    results = report.Results(os.path.join(options.out, "results.json"))
    with open(os.path.join(options.out, "log.txt"), "a") as log:
        everyone = clients(options.peers.split(","), options.threads, options.sonde, options.realtime, log)
        results.describe(meta(everyone, options))
        failed = run(rows, everyone, results, options)
        for client in everyone.values():
            client.close()
    report.write(results, options.out, options.page)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
