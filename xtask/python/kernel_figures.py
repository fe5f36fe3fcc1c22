"""What the kernel promises about time, measured: process start to the first reply, and the round trip of magics that need
no Rust, in the first second after start (the engine takes several) and with the engine up."""

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import zmq
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.connect import write_connection_file

REPLY_SECONDS = 60
ENGINE_SECONDS = 600
# Kernels to start for the first second, round trips to make later.
STARTS = 5
ROUND_TRIPS = 200


class Kernel:
    """A kernel's process and a client that was there before it."""

    def __init__(self, argv, folder):
        file, _ = write_connection_file(str(folder / "connection.json"))
        # The default of 100 ms between attempts to connect would be measured, too.
        context = zmq.Context()
        context.setsockopt(zmq.RECONNECT_IVL, 1)
        self.client = BlockingKernelClient(connection_file=file, context=context)
        self.client.load_connection_file()
        self.client.start_channels(hb=False)
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            [*argv, file], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder
        )
        self.client.kernel_info()
        self.client.get_shell_msg(timeout=REPLY_SECONDS)
        self.first_reply = time.perf_counter() - self.started

    def execute(self, code, timeout=REPLY_SECONDS):
        """Seconds until both the reply and idle are here."""
        begun = time.perf_counter()
        request = self.client.execute(code)
        reply = self.client.get_shell_msg(timeout=timeout)
        while True:
            message = self.client.get_iopub_msg(timeout=timeout)
            mine = message["parent_header"].get("msg_id") == request
            if mine and message["content"].get("execution_state") == "idle":
                break
        seconds = time.perf_counter() - begun
        if reply["content"]["status"] != "ok":
            sys.exit(f"{code}: {reply['content'].get('ename')}: {reply['content'].get('evalue')}")
        return seconds

    def stop(self):
        self.client.shutdown()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.client.stop_channels()


@contextlib.contextmanager
def started(argv, folder):
    kernel = Kernel(argv, folder)
    try:
        yield kernel
    finally:
        kernel.stop()


def first_replies(argv, folder, rounds):
    seconds = []
    for _ in range(rounds):
        with started(argv, folder) as kernel:
            seconds.append(kernel.first_reply)
    return seconds


def round_trips(kernel, going_on):
    """Times of `%pip_set` (a new value each time: an equal one would not be written) and of `%pip_get`."""
    sets, gets = [], []
    while going_on(len(sets)):
        sets.append(kernel.execute(f'%pip_set x = {{"a": [1, {time.time_ns()}]}}'))
        gets.append(kernel.execute("%pip_get x"))
    return sets, gets


def magics(argv, folder):
    early_sets, early_gets = [], []
    for _ in range(STARTS):
        with started(argv, folder) as kernel:
            kernel.execute("%pip_job figures")
            sets, gets = round_trips(kernel, lambda _: time.perf_counter() - kernel.started < 1.0)
            early_sets += sets
            early_gets += gets
    with started(argv, folder) as kernel:
        kernel.execute("1 + 1", ENGINE_SECONDS)
        kernel.execute("%pip_job figures")
        sets, gets = round_trips(kernel, lambda made: made < ROUND_TRIPS)
    return [
        ("%pip_set, first second", early_sets),
        ("%pip_get, first second", early_gets),
        ("%pip_set, engine up", sets),
        ("%pip_get, engine up", gets),
    ]


def row(measure, seconds, goal, peer):
    ordered = sorted(seconds)
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    median = statistics.median(seconds)
    cells = [f"{measure:34}", f"{len(seconds):4}", f"{median * 1000:10.2f}", f"{p95 * 1000:10.2f}", f"{goal * 1000:10.0f}"]
    cells.append("  met   " if median <= goal else "  MISSED")
    if peer:
        theirs = statistics.median(peer)
        cells += [f"{theirs * 1000:14.2f}", f"{median / theirs:8.2f}"]
    return " ".join(cells)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kernel", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--peer", type=Path, help="evcxr_jupyter")
    arguments = parser.parse_args()
    os.environ["PIPULATE_URL"] = f"sqlite:{arguments.folder / 'pipeline.db'}"
    ours = [str(arguments.kernel), "--connection-file"]

    # One start that is not counted: it reads the program from disk.
    first_replies(ours, arguments.folder, 1)
    replies = first_replies(ours, arguments.folder, arguments.rounds)
    peer = None
    if arguments.peer:
        theirs = [str(arguments.peer), "--control_file"]
        first_replies(theirs, arguments.folder, 1)
        peer = first_replies(theirs, arguments.folder, max(3, arguments.rounds // 4))

    titles = f"{'milliseconds':34} {'n':>4} {'median':>10} {'p95':>10} {'goal':>10} {'':8}"
    print(titles + (f" {'evcxr_jupyter':>14} {'ratio':>8}" if peer else ""))
    print(row("process start to kernel_info reply", replies, 0.150, peer), flush=True)
    for measure, seconds in magics(ours, arguments.folder):
        print(row(measure, seconds, 0.005, None), flush=True)


if __name__ == "__main__":
    main()
