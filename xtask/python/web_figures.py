"""What the web app and the port promise about time, measured; with `--voila`, beside Voila on a like notebook. Whatever is measured
is asked for over HTTP from another process of this machine, and counts until the last byte of the answer is here."""

import argparse
import contextlib
import http.client
import json
import os
import re
import resource
import socket
import statistics
import subprocess
import time
from pathlib import Path

import psutil

import figures_report
from web_app import App, job_path

BEGIN, END = "<!-- web figures: begin -->", "<!-- web figures: end -->"
WORKFLOW = "greeting"
STARTS, SUBMITS, JOBS, LOAD_SECONDS, CONNECTIONS = 20, 100, 1000, 10, 4
# Between a page and what somebody types into it: nobody is faster.
TYPING = 0.1
VOILA_STARTS, VOILA_VIEWS = 5, 10
VOILA_SECONDS = 120
# What the last cell of Voila's notebook shows.
VOILA_SHOWS = "Hello, Ada in London! Yours, Voila"


def start(program, folder):
    """Seconds from the start of the process to the last byte of the first page."""
    app = App(program, folder).serve()
    text = app.page("/")
    seconds = time.perf_counter() - app.started
    assert "Greeting" in text, text
    app.stop()
    return seconds


def first_starts(program, folder):
    """The same where there is no store yet."""
    seconds = []
    for number in range(STARTS):
        new = folder / f"new-{number}"
        new.mkdir()
        seconds.append(start(program, new))
    return seconds


def fill(app):
    """Jobs that have come to their end."""
    for number in range(JOBS):
        key = f"filled-{number:04}"
        app.api("POST", f"/api/workflows/{WORKFLOW}/jobs", {"key": key})
        job = job_path(WORKFLOW, key)
        app.api("POST", f"{job}/steps/name", {"values": {"name": f"Ada {number}"}})
        app.api("POST", f"{job}/steps/place", {"values": {"place": "London"}})
    deadline = time.monotonic() + 60
    while (left := app.api("GET", job)["next"]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left is None, f"step {left} of {key} is not done"


def answer(page, step, value):
    """What the step's form on this page would send."""
    form = re.search(rf'<form[^>]*/s/{step}".*?</form>', page, re.S)
    assert form, page
    hidden = [re.search(rf'name="{name}"[^>]*value="([^"]*)"', form[0]) for name in ("form", "token", "revision")]
    sent = {found[0].split('"')[1]: found[1] for found in hidden if found}
    return sent | {f"field.{step}": value}


def submits(app, pause):
    """Seconds from a submit to the page with the next card, as htmx asks: of one step, and of one that two more follow from. Each
    comes this long after the page that it is typed into."""
    one, three = [], []
    for number in range(SUBMITS):
        key = f"submitted-{'later' if pause else 'at-once'}-{number:04}"
        app.form(f"/w/{WORKFLOW}/jobs", {"key": key})
        job = f"/w/{WORKFLOW}/j/{key}"
        page = app.page(job)
        for seconds, step, value, next_card in [
            (one, "name", "Grace", "/s/place"),
            (three, "place", "Arlington", "Hello, Grace in Arlington! Yours, Pipulate"),
        ]:
            fields = answer(page, step, value)
            time.sleep(pause)
            begun = time.perf_counter()
            status, page = app.form(f"{job}/s/{step}", fields, **{"HX-Request": "true"})
            seconds.append(time.perf_counter() - begun)
            assert status == 200 and next_card in page, (status, page)
    return one, three


def cpu(process):
    times = process.cpu_times()
    return times.user + times.system


def own_children_cpu():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def load(app, program, paths):
    """Pages a second, and what server and generator need of the processor for one."""
    server = psutil.Process(app.process.pid)
    before, own = cpu(server), own_children_cpu()
    command = [str(program), "load", app.address, *paths]
    command += ["--connections", str(CONNECTIONS), "--seconds", str(LOAD_SECONDS)]
    found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    assert found["failed"] == 0, found
    requests = found["requests"]
    return {
        "rate": requests / found["seconds"],
        "median": found["median"],
        "percentile95": found["percentile95"],
        "size": found["bytes"] / requests,
        "server": (cpu(server) - before) / requests,
        "generator": (own_children_cpu() - own) / requests,
    }


class Voila:
    """Voila's process on a port of its own."""

    def __init__(self, program, notebook, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        settings = {name: str(folder / "voila") for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")}
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            [str(program), str(notebook), "--no-browser", f"--port={self.port}", "--Voila.ip=127.0.0.1"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            cwd=folder, env=os.environ | settings,
        )

    def view(self):
        """Asks for the page until there is one, with all that the cells show."""
        deadline = time.monotonic() + VOILA_SECONDS
        while time.monotonic() < deadline:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=VOILA_SECONDS)
            with contextlib.closing(connection), contextlib.suppress(ConnectionError):
                connection.request("GET", "/")
                text = connection.getresponse().read().decode()
                assert VOILA_SHOWS in text, text
                return
            assert self.process.poll() is None, "Voila has ended"
            time.sleep(0.005)
        raise SystemExit("Voila does not serve")

    def stop(self):
        self.process.terminate()
        self.process.wait(VOILA_SECONDS)


def voila(program, notebook, folder):
    """Seconds from its start to its first page, and of one more view."""
    first, views = [], []
    for number in range(VOILA_STARTS):
        running = Voila(program, notebook, folder)
        try:
            running.view()
            first.append(time.perf_counter() - running.started)
            for _ in range(VOILA_VIEWS if number == 0 else 0):
                begun = time.perf_counter()
                running.view()
                views.append(time.perf_counter() - begun)
        finally:
            running.stop()
    return first, views


def port(program):
    text = subprocess.run([str(program)], check=True, stdout=subprocess.PIPE, text=True).stdout
    return float(re.search(r": ([\d.]+) ms", text)[1]) / 1000


def milliseconds(seconds):
    if seconds is None:
        return "-"
    shown = seconds * 1000
    return f"{shown:.2f}" if shown < 1 else f"{shown:.1f}" if shown < 100 else f"{shown:.0f}"


def percentile(values):
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.95))]


def times_table(measures):
    """Rows of: title, values in seconds, Voila's or none, goal in seconds or none."""
    rows = []
    for title, values, peer, goal in measures:
        median = statistics.median(values)
        rows.append([
            title,
            str(len(values)),
            milliseconds(median),
            milliseconds(percentile(values)) if len(values) > 1 else "-",
            milliseconds(statistics.median(peer)) if peer else "-",
            f"{goal * 1000:.0f}" if goal else "-",
            ("met" if median <= goal else "missed") if goal else "",
        ])
    return ["milliseconds", "n", "median", "95th percentile", "Voila", "goal", ""], rows


def load_table(loads):
    rows = []
    for title, found, goal in loads:
        rows.append([
            title,
            f"{found['rate']:.0f}",
            f"{goal}" if goal else "-",
            ("met" if found["rate"] >= goal else "missed") if goal else "",
            milliseconds(found["median"]),
            milliseconds(found["percentile95"]),
            f"{found['size'] / 1000:.1f}",
            milliseconds(found["server"]),
            milliseconds(found["generator"]),
        ])
    titles = [f"pages, {JOBS + 2 * SUBMITS:,} jobs in the store", "a second", "goal", "", "median, ms", "95th percentile, ms", "kB", "server's CPU, ms"]
    return [*titles, "generator's CPU, ms"], rows


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--app", type=Path, required=True, help="the app of greeting.ipynb")
    parser.add_argument("--load", type=Path, required=True, help="the program whose `load` asks for pages")
    parser.add_argument("--port", type=Path, required=True, help="the example port_figures")
    parser.add_argument("--folder", type=Path, required=True, help="an empty folder to work in")
    parser.add_argument("--voila", type=Path, help="Voila, to be measured beside it")
    parser.add_argument("--notebook", type=Path, help="the notebook for Voila")
    parser.add_argument("--write", type=Path, metavar="DOCS", help="put the tables into this folder")
    arguments = parser.parse_args()
    # What a user has set is not what is measured.
    for name in [name for name in os.environ if name.startswith("PIPULATE_")]:
        del os.environ[name]

    circumstances = figures_report.Circumstances.now()
    ported = port(arguments.port)
    first = first_starts(arguments.app, arguments.folder)
    app = App(arguments.app, arguments.folder).serve()
    try:
        fill(app)
        one, three = submits(app, TYPING)
        one_at_once, three_at_once = submits(app, 0)
        loads = [
            ("the first page", load(app, arguments.load, ["/"]), 2000),
            (
                "a job's page, each in turn",
                load(app, arguments.load, [f"/w/{WORKFLOW}/j/filled-{number:04}" for number in range(JOBS)]),
                2000,
            ),
            ("the list of jobs, 500 of them", load(app, arguments.load, [f"/w/{WORKFLOW}"]), None),
        ]
    finally:
        app.stop()
    again = [start(arguments.app, arguments.folder) for _ in range(STARTS)]
    peer_first, peer_view = [], []
    if arguments.voila:
        peer_first, peer_view = voila(arguments.voila, arguments.notebook, arguments.folder)

    tables = [
        times_table([
            ("process start to first page, new store", first, peer_first, 0.2),
            (f"process start to first page, {JOBS + 2 * SUBMITS:,} jobs", again, peer_first, 0.2),
            ("submit of a step to the next card", one, peer_view, 0.005),
            ("the same where two more steps follow by themselves", three, peer_view, None),
            ("submit of a step, the moment its page is there", one_at_once, peer_view, None),
            ("the same where two more steps follow by themselves", three_at_once, peer_view, None),
            ("port of a 30-cell notebook, without the build", [ported], None, 0.05),
        ]),
        load_table(loads),
    ]
    for titles, rows in tables:
        print(figures_report.plain(titles, rows))
    print(f"\n{circumstances.sentence()}")
    if arguments.write:
        lines = [
            f"Release build of `xtask/notebooks/greeting.ipynb`, ported; {circumstances.sentence()}. Voila: its first page, and one more view, "
            "of `greeting_python.ipynb`. A submit comes 0.1 s after the page that it is "
            "typed into, or the moment that page is there, which no person is quick enough for: then it waits for the process that runs it.",
        ]
        for titles, rows in tables:
            lines += ["", *figures_report.markdown_table(titles, rows)]
        lines += [
            "",
            f"Pages are asked for by {CONNECTIONS} connections for {LOAD_SECONDS} s each, by `cargo xtask load` on the same machine: the last "
            "column is what it takes from the server.",
        ]
        figures_report.put(arguments.write / "performance.md", BEGIN, END, "\n".join(lines))


if __name__ == "__main__":
    main()
