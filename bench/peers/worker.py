"""A peer's side of bench/compare.py: a server with the commands of bench/bench_peer.cpp, and the answers of its kind.

usage: worker.py eager|compile|jax THREADS
"""
import json
import os
import sys
import time
import traceback

import numpy as np


def make_input(spec):
    """As bench_peer.cpp's: numbers by the formula."""
    import values
    if "below" in spec:
        return values.integers(spec["name"], spec["shape"], spec["below"])
    numbers = values.uniform(spec["name"], spec["shape"]) * spec.get("scale", 1.0)
    return numbers.astype({"f32": np.float32, "f64": np.float64}[spec["dtype"]])


class Server:
    def __init__(self, peer, threads):
        self.peer = peer
        # As bench/rows/clock.hpp: with one thread, the time this process has computed.
        self.now = time.process_time if threads == 1 else time.perf_counter

    def info(self, _):
        return {"versions": self.peer.versions()}

    def setup(self, command):
        self.peer.run = None  # frees the row before
        return self.peer.setup(command["op"], command["params"], command["inputs"]) or {}

    def dump(self, command):
        results = self.peer.results()
        np.savez(command["path"], **{str(i): r for i, r in enumerate(results)})
        return {"results": len(results), "bytes": sum(r.nbytes for r in results)}

    def time(self, command):
        """"calls" that are timed, after one that is not if "warm"."""
        run = self.peer.run
        if command["warm"]:
            run()
        start = self.now()
        for _ in range(command["calls"]):
            run()
        return {"seconds": self.now() - start}

    def answer(self, command):
        return getattr(self, command["do"])(command)


def main():
    kind, threads = sys.argv[1], int(sys.argv[2])
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path.insert(0, os.path.join(here, "..", "..", "tests", "parity"))
    answers = os.fdopen(os.dup(1), "w")  # libraries may print: that goes to standard error
    os.dup2(2, 1)
    if kind == "jax":
        from jax_peer import JaxPeer
        server = Server(JaxPeer(threads), threads)
    else:
        from torch_peer import TorchPeer
        server = Server(TorchPeer(threads, compiled=kind == "compile"), threads)
    for line in sys.stdin:
        try:
            reply = server.answer(json.loads(line))
        except Exception as error:  # whatever a library throws is the row's answer, not the end of the run
            traceback.print_exc()
            reply = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(reply) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
