"""Kills a web app by SIGKILL at random points of jobs of five steps, and goes on through its API from the state it finds. Prints
what it did and ends with exit code 1 if anything was lost, done twice, or left behind."""

import argparse
import contextlib
import http.client
import os
import random
import shutil
import sqlite3
import sys
import threading
import time
import uuid
from collections import Counter
from pathlib import Path

import psutil

from web_app import App, Ended, job_path

WORKFLOW = "counting"
LIMIT = 20
# What the steps that ask are given.
ANSWERS = {"limit": LIMIT, "title": "Squares"}
RESULTS = {
    "limit": LIMIT,
    "numbers": list(range(LIMIT)),
    "squares": [number * number for number in range(LIMIT)],
    "title": "Squares",
    "report": f"Squares: {sum(number * number for number in range(LIMIT))}",
}
# Each step's one event, and one for each item of the step that works item by item.
EVENTS = Counter({
    ("set", "limit"): 1,
    ("record", "numbers"): 1,
    ("set", "squared"): LIMIT,
    ("record", "squares"): 1,
    ("set", "title"): 1,
    ("record", "report"): 1,
})
# In the environment of all processes that the app starts, and those that they start.
MARK = "PIPULATE_TORTURE"
LEFT_SECONDS = 2
JOB_SECONDS = 60


class Torture:
    def __init__(self, program, folder, seed):
        self.program, self.folder = program, folder
        self.chance = random.Random(seed)
        self.mark = uuid.uuid4().hex
        self.jobs = []
        # By job and step, what the API has said is done.
        self.acknowledged = {}
        self.faults = []
        # While which step it was killed, and how long the last process was there after.
        self.points, self.ends = Counter(), []

    def start(self):
        return App(self.program, self.folder, **{MARK: self.mark})

    def fault(self, text):
        self.faults.append(text)
        print(text, flush=True)

    def job(self, app):
        """The job that is not done yet: the last, or a new one."""
        if not self.jobs or self.is_done(self.jobs[-1]):
            self.jobs.append(f"counting-{len(self.jobs) + 1:03}")
            app.api("POST", f"/api/workflows/{WORKFLOW}/jobs", {"key": self.jobs[-1]})
        return self.jobs[-1]

    def is_done(self, key):
        return all((key, step) in self.acknowledged for step in RESULTS)

    def look(self, key, state):
        """Remembers what is done, and sees that what was done is so still."""
        for step in state["steps"]:
            name, known = step["name"], (key, step["name"])
            value = step["values"].get(name, {}).get("value")
            if step["done"]:
                if value != RESULTS[name]:
                    self.fault(f"{key}: step {name} is {value!r}")
                self.acknowledged[known] = True
            elif known in self.acknowledged:
                self.fault(f"{key}: step {name} was done, and is {step['status']}")
        return state

    def go_on(self, app, before_submit=None):
        """Brings the job forward by one step or a look."""
        key = self.job(app)
        path = job_path(WORKFLOW, key)
        # One that was begun by a request without an answer is there, or is not.
        if app.ask("GET", path)[0] == 404:
            app.api("POST", f"/api/workflows/{WORKFLOW}/jobs", {"key": key})
        state = self.look(key, app.api("GET", path))
        self.at = state["running"] or state["next"]
        if state["running"]:
            time.sleep(0.005)
        elif state["next"]:
            step = state["next"]
            call = {"values": {step: ANSWERS[step]}} if step in ANSWERS else {}
            if before_submit:
                before_submit()
            self.look(key, app.api("POST", f"{path}/steps/{step}", call | {"revision": state["revision"]}))

    def kill_once(self):
        """Starts the app, works with it, and kills it: as it starts, as it is given something to do, or at any point."""
        self.at = "the start"
        app = self.start()
        kind = self.chance.choice(["start", "submit", "any", "any"])
        killer = threading.Timer(self.chance.uniform(0, 0.03 if kind != "any" else 0.8), app.process.kill)

        def begin():
            if not killer.ident:
                killer.start()

        if kind != "submit":
            begin()
        with contextlib.suppress(OSError, http.client.HTTPException, Ended):
            app.serve()
            deadline = time.monotonic() + JOB_SECONDS
            while time.monotonic() < deadline:
                self.go_on(app, begin)
            self.fault("it was never killed")
            app.process.kill()
        if killer.ident:
            killer.join()
        app.end()
        self.points[self.at] += 1
        self.ends.append(self.left(time.monotonic()))
        self.check_copy()

    def left(self, killed):
        """Seconds until the last process of the app has ended."""
        while alive := self.alive():
            if time.monotonic() > killed + LEFT_SECONDS:
                self.fault(f"left after {LEFT_SECONDS} s: {[(one.pid, one.cmdline()[:3]) for one in alive]}")
                for one in alive:
                    one.kill()
                break
            time.sleep(0.01)
        return time.monotonic() - killed

    def alive(self):
        found = []
        for one in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if one.environ().get(MARK) == self.mark and one.status() != psutil.STATUS_ZOMBIE:
                    found.append(one)
        return found

    def check_copy(self):
        """Of a copy, so that it is the app that finds the store as the kill has left it."""
        copy = self.folder / "copy"
        copy.mkdir(exist_ok=True)
        for name in ("pipeline.db", "pipeline.db-wal"):
            (copy / name).unlink(missing_ok=True)
            if (self.folder / name).exists():
                shutil.copy(self.folder / name, copy / name)
        self.check_store(copy / "pipeline.db")

    def check_store(self, file):
        with contextlib.closing(sqlite3.connect(file)) as store:
            found = store.execute("PRAGMA integrity_check").fetchone()[0]
        if found != "ok":
            self.fault(f"integrity_check: {found}")

    def finish(self):
        """Brings the last job to its end, and sees what is recorded of all."""
        app = self.start().serve()
        deadline = time.monotonic() + JOB_SECONDS
        while self.jobs and not self.is_done(self.jobs[-1]):
            if time.monotonic() > deadline:
                self.fault(f"{self.jobs[-1]} does not come to its end")
                break
            self.go_on(app)
        for key in self.jobs:
            path = job_path(WORKFLOW, key)
            self.look(key, app.api("GET", path))
            events = app.api("GET", f"{path}/history")["events"]
            counts = Counter((event["kind"], event["step"]) for event in events if event.get("step"))
            if counts != EVENTS:
                self.fault(f"{key}: recorded {dict(counts)}")
        app.stop()
        self.left(time.monotonic())
        self.check_store(self.folder / "pipeline.db")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--app", type=Path, required=True, help="the app of counting.ipynb")
    parser.add_argument("--folder", type=Path, required=True, help="an empty folder to work in")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    for name in [name for name in os.environ if name.startswith("PIPULATE_")]:
        del os.environ[name]

    torture = Torture(arguments.app, arguments.folder, arguments.seed)
    for done in range(arguments.rounds):
        torture.kill_once()
        if done % 20 == 19:
            print(f"{done + 1} of {arguments.rounds}, {len(torture.jobs)} jobs, {len(torture.faults)} faults", flush=True)
    torture.finish()
    points = ", ".join(f"{point} {count}" for point, count in torture.points.most_common())
    print(f"{arguments.rounds} times killed during {len(torture.jobs)} jobs of five steps ({points})")
    print(f"the last process of each ended {max(torture.ends) * 1000:.0f} ms after the kill, or sooner")
    print(f"steps acknowledged: {len(torture.acknowledged)}; faults: {len(torture.faults)}")
    sys.exit(1 if torture.faults else 0)


if __name__ == "__main__":
    main()
