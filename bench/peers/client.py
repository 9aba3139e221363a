"""The processes of one run: each computes only while it answers a command."""
import contextlib
import json
import os
import subprocess
import sys
import time

from catalogue import ITSELF

HERE = os.path.dirname(os.path.abspath(__file__))


class Failed(Exception):
    """A command was answered by an error, or the process ended."""


class Client:
    """One process. It starts at its first command, and again if it ended."""

    def __init__(self, name, command, threads, realtime, log):
        self.name, self.command, self.threads, self.realtime, self.log = name, command, threads, realtime, log
        self.process = None

    def start(self):
        # JAX makes as many threads as there are CPUs; so that all compute on the same ones, all are held to them.
        available = sorted(os.sched_getaffinity(0))
        cpus = set(available[:self.threads]) if self.threads > 1 else set(available)
        env = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "KMP_", "MKL_"))}
        env["OMP_NUM_THREADS"] = str(self.threads)
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log,
                                        text=True, env=env, preexec_fn=lambda: os.sched_setaffinity(0, cpus))

    def ask(self, do, **arguments):
        """The answer to a command. Whatever is timed has the priority of timings, also trials at set-up; compilation
        has not."""
        if self.process is None:
            self.start()
        if self.realtime:
            compiles = self.name == "compile" and do in ("setup", "dump")
            self.schedule(*((os.SCHED_OTHER, 0) if compiles else (os.SCHED_RR, 1)))
        try:
            self.process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            code = self.process.wait()
            self.process = None
            raise Failed(f"{self.name} ended with {code}")
        answer = json.loads(line)
        if "error" in answer:
            raise Failed(f"{self.name}: {answer['error']}")
        return answer

    def schedule(self, policy, priority):
        """For every thread of the process."""
        for thread in os.listdir(f"/proc/{self.process.pid}/task"):
            with contextlib.suppress(ProcessLookupError):
                os.sched_setscheduler(int(thread), policy, os.sched_param(priority))

    def close(self):
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait()
            self.process = None


def clients(peers, threads, sonde_program, realtime, log):
    """{"sonde": ..., another one of the same, and one for each peer}."""
    worker = [sys.executable, os.path.join(HERE, "worker.py")]
    made = {name: Client(name, [sonde_program, str(threads)], threads, realtime, log) for name in ("sonde", ITSELF)}
    for peer in peers:
        made[peer] = Client(peer, [*worker, peer, str(threads)], threads, realtime, log)
    return made


def rest():
    """Threads of OpenMP and XLA spin for some milliseconds after their last work: until they sleep, the next process
    does not have the cores for itself."""
    time.sleep(0.01)
