"""What the kernel promises about time and memory, measured; with `--peer`, beside evcxr_jupyter and ipykernel, each round with
each kernel in turn, so that what the machine does meanwhile meets all of them alike. Figures are medians of the rounds."""

import argparse
import contextlib
import os
import queue
import subprocess
import sys
import time
from pathlib import Path

import psutil
import zmq
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.connect import write_connection_file

import figures_report
from figures_report import EVCXR, IPYKERNEL, OURS, Row

REPLY_SECONDS = 60
CELL_SECONDS = 600
# In each round, kernels that are started only to be asked who they are, and round trips of each magic.
STARTS = 3
ROUND_TRIPS = 40


class Cell:
    """One of the ten cells: what it is in Rust and in Python, and what it must show before it counts as done."""

    def __init__(self, name, rust, python, shows="", fails=False):
        self.name, self.rust, self.python, self.shows, self.fails = name, rust, python, shows, fails

    def code(self, kernel):
        return self.python if kernel == IPYKERNEL else self.rust


FIRST = Cell("first", "2 + 3", "2 + 3", "5")
CELLS = [
    Cell("an expression", "6 * 7", "6 * 7", "42"),
    Cell("let, with a type", "let width: u32 = 12;", "width: int = 12"),
    Cell("a variable used", "width * 2", "width * 2", "24"),
    Cell(
        "a function",
        "fn area(width: u32, height: u32) -> u32 {\n    width * height\n}",
        "def area(width: int, height: int) -> int:\n    return width * height",
    ),
    Cell("a call", "area(width, 5)", "area(width, 5)", "60"),
    Cell(
        "a struct with an impl",
        "#[derive(Clone, Debug)]\nstruct City {\n    name: String,\n    people: u64,\n}\n"
        "impl City {\n    fn grow(&mut self, by: u64) {\n        self.people += by;\n    }\n}",
        "from dataclasses import dataclass\n\n@dataclass\nclass City:\n    name: str\n    people: int\n\n"
        "    def grow(self, by: int) -> None:\n        self.people += by",
    ),
    Cell(
        "let, type inferred",
        "let squares: Vec<_> = (1..=9u64).map(|number| number * number).collect();",
        "squares = [number * number for number in range(1, 10)]",
    ),
    Cell(
        "a loop that prints",
        'for square in &squares {\n    println!("square {square}");\n}',
        'for square in squares:\n    print(f"square {square}")',
        "square 81",
    ),
    Cell("a question mark", 'let parsed: i64 = "1234".parse()?;', 'parsed = int("1234")'),
    Cell("a compile error", 'let wrong: u8 = "text";', 'wrong: int = "text" + 1', fails=True),
]

# A dependency that the machine has compiled before, and the same without it.
DEPENDENCY = ':dep serde_json = "1"\nserde_json::json!({"tea": [1, 2]}).to_string().len()'
NO_DEPENDENCY = '"{\\"tea\\":[1,2]}".to_string().len()'
DEPENDENCY_SHOWS = "13"


def family(process):
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def memory(process):
    """Resident memory of a kernel's processes in bytes: as the system counts it, and with shared pages counted once."""
    resident = shared_once = 0
    for one in family(process):
        with contextlib.suppress(psutil.Error):
            resident += one.memory_info().rss
            shared_once += getattr(one.memory_full_info(), "pss", one.memory_info().rss)
    return resident, shared_once


def wait_until_kept(folder):
    """What a kernel has compiled is kept for the next one in the background: a kernel that is stopped meanwhile keeps half."""
    known, since, deadline = -1, time.monotonic(), time.monotonic() + CELL_SECONDS
    while time.monotonic() < min(deadline, since + 3):
        count = sum(1 for _ in folder.rglob("*"))
        if count != known:
            known, since = count, time.monotonic()
        time.sleep(0.2)


class Kernel:
    """A kernel's process and a client that was there before it."""

    def __init__(self, argv, folder):
        file, _ = write_connection_file(str(folder / f"connection-{time.monotonic_ns()}.json"))
        # The default of 100 ms between attempts to connect would be measured, too.
        context = zmq.Context()
        context.setsockopt(zmq.RECONNECT_IVL, 1)
        self.client = BlockingKernelClient(connection_file=file, context=context)
        self.client.load_connection_file()
        self.client.start_channels(hb=False)
        self.started = time.perf_counter()
        process = subprocess.Popen(
            [*argv, file], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder
        )
        self.process = psutil.Process(process.pid)
        self.popen = process
        try:
            self.client.kernel_info()
            self.client.get_shell_msg(timeout=CELL_SECONDS)
        except BaseException:
            self.stop()
            raise
        self.first_reply = time.perf_counter() - self.started

    def execute(self, code, shows="", fails=False):
        """Seconds until the reply, idle and all that the cell shows are here."""
        begun = time.perf_counter()
        request = self.client.execute(code)
        reply = self.client.get_shell_msg(timeout=CELL_SECONDS)
        shown, idle = "", False
        while not (idle and shows in shown):
            try:
                message = self.client.get_iopub_msg(timeout=REPLY_SECONDS)
            except queue.Empty:
                sys.exit(f"{code}\nshowed {shown!r} and not {shows!r}")
            if message["parent_header"].get("msg_id") != request:
                continue
            content = message["content"]
            shown += content.get("text") or content.get("data", {}).get("text/plain", "")
            idle |= content.get("execution_state") == "idle"
        seconds = time.perf_counter() - begun
        if (reply["content"]["status"] == "error") != fails:
            sys.exit(f"{code}\n{reply['content'].get('ename')}: {reply['content'].get('evalue')}")
        return seconds

    def stop(self):
        """Asks it to end, and leaves none of its processes to disturb the next kernel's figures."""
        processes = family(self.process)
        self.client.shutdown()
        _, alive = psutil.wait_procs(processes, timeout=10)
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(alive, timeout=10)
        self.popen.wait()
        self.client.stop_channels()


class Bench:
    """What was measured so far: values by kernel and measure."""

    def __init__(self, kernels, folder):
        self.kernels, self.folder = kernels, folder
        self.values = {kernel: {} for kernel in kernels}

    def note(self, kernel, measure, *values):
        self.values[kernel].setdefault(measure, []).extend(values)

    @contextlib.contextmanager
    def started(self, kernel):
        running = Kernel(self.kernels[kernel], self.folder)
        try:
            yield running
        finally:
            running.stop()

    def warm_up(self):
        """What is not counted: programs are read from disk, and dependencies compiled for the first time."""
        for kernel in self.kernels:
            with self.started(kernel) as running:
                running.execute(FIRST.code(kernel), FIRST.shows)
                if kernel == OURS:
                    running.execute(DEPENDENCY, DEPENDENCY_SHOWS)
                    running.execute("%pip_job figures")
                    # This needs the cell library, which is built once.
                    running.execute('job.set("warm", &1)?;')
                    wait_until_kept(self.folder / "data")

    def first_replies(self):
        for _ in range(STARTS):
            with self.started(OURS) as running:
                self.note(OURS, "first reply", running.first_reply)

    def session(self, kernel):
        with self.started(kernel) as running:
            self.note(kernel, "ready", running.first_reply)
            running.execute(FIRST.code(kernel), FIRST.shows)
            self.note(kernel, "first result", time.perf_counter() - running.started)
            begun = time.perf_counter()
            for cell in CELLS:
                self.note(kernel, cell.name, running.execute(cell.code(kernel), cell.shows, cell.fails))
            ended = time.perf_counter()
            self.note(kernel, "ten cells", ended - begun)
            self.note(kernel, "run all", ended - running.started)
            resident, shared_once = memory(running.process)
            self.note(kernel, "resident memory", resident)
            self.note(kernel, "memory, shared once", shared_once)
            if kernel == OURS:
                running.execute("%pip_job figures")
                self.round_trips(running, "engine up", lambda made: made < ROUND_TRIPS)

    def dependency(self, kernel):
        seconds = []
        for code in (DEPENDENCY, NO_DEPENDENCY):
            with self.started(kernel) as running:
                running.execute(code, DEPENDENCY_SHOWS)
                seconds.append(time.perf_counter() - running.started)
        self.note(kernel, "dependency", seconds[0] - seconds[1])

    def first_second(self):
        with self.started(OURS) as running:
            running.execute("%pip_job figures")
            self.round_trips(running, "first second", lambda _: time.perf_counter() - running.started < 1.0)

    def round_trips(self, running, when, going_on):
        """`%pip_set` of a new value each time (an equal one would not be written) and `%pip_get`."""
        made = 0
        while going_on(made):
            value = f'{{"a": [1, {time.time_ns()}]}}'
            self.note(OURS, f"set, {when}", running.execute(f"%pip_set x = {value}"))
            self.note(OURS, f"get, {when}", running.execute("%pip_get x"))
            made += 1

    def round(self):
        self.first_replies()
        self.first_second()
        for kernel in self.kernels:
            self.session(kernel)
        for kernel in self.kernels:
            if kernel != IPYKERNEL:
                self.dependency(kernel)


# Measures in the order of the table; which are in milliseconds, which have a goal in seconds or as a ratio to evcxr_jupyter.
PROMISES = [
    Row("first reply", "process start to kernel_info reply", "ms", goal=0.150),
    Row("set, first second", "`%pip_set`, first second, engine starting", "ms", goal=0.005),
    Row("get, first second", "`%pip_get`, first second, engine starting", "ms", goal=0.005),
    Row("set, engine up", "`%pip_set`, engine up", "ms", goal=0.005),
    Row("get, engine up", "`%pip_get`, engine up", "ms", goal=0.005),
    Row("dependency", "a dependency used before, first value later by", "ms", goal=1.5),
]
SIDE_BY_SIDE = [
    Row("ready", "process start to ready", "ms", ratio=1.0),
    Row("first result", "process start to first result", "ms", ratio=1.0),
    *[Row(cell.name, cell.name, "ms", ratio=1.0) for cell in CELLS],
    Row("ten cells", "the ten cells together", "ms", ratio=0.7),
    Row("run all", "process start to the last cell's end", "ms", ratio=1.0),
    Row("resident memory", "resident memory then", "MB", ratio=1.0),
    Row("memory, shared once", "the same, shared pages counted once", "MB", ratio=1.0),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kernel", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True, help="an empty folder to work in")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--peer", type=Path, help="evcxr_jupyter; ipykernel is measured with it")
    parser.add_argument("--write", type=Path, metavar="DOCS", help="put table and plot into this folder")
    arguments = parser.parse_args()
    os.environ["PIPULATE_URL"] = f"sqlite:{arguments.folder / 'pipeline.db'}"
    # Compiled for this run alone: what other kernels have left would be measured, too.
    os.environ["XDG_DATA_HOME"] = str(arguments.folder / "data")
    # The user's own settings of evcxr and IPython are not what is measured.
    os.environ["XDG_CONFIG_HOME"] = os.environ["IPYTHONDIR"] = str(arguments.folder / "settings")
    kernels = {OURS: [str(arguments.kernel), "--connection-file"]}
    if arguments.peer:
        kernels[EVCXR] = [str(arguments.peer), "--control_file"]
        kernels[IPYKERNEL] = [sys.executable, "-m", "ipykernel_launcher", "-f"]

    circumstances = figures_report.Circumstances.now(arguments.rounds)
    bench = Bench(kernels, arguments.folder)
    bench.warm_up()
    for done in range(arguments.rounds):
        bench.round()
        print(f"round {done + 1} of {arguments.rounds} is done", flush=True)
    print(figures_report.text(PROMISES, SIDE_BY_SIDE, bench.values, circumstances))
    if arguments.write:
        figures_report.write(arguments.write, PROMISES, SIDE_BY_SIDE, bench.values, circumstances)


if __name__ == "__main__":
    main()
