"""Web apps made from notebooks: started, asked by their JSON API, ended."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

READY = "Serving at "
# The first build compiles all that an app links.
BUILD_SECONDS = 1800
STEP_SECONDS = 120
GOODBYE_SECONDS = 30


@contextlib.contextmanager
def app(command, folder, log_file, environment=None):
    """Starts a program that serves, and yields its address once it does. What it says on stderr goes to the log."""
    with log_file.open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=folder, env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
        )
    try:
        yield address(process, log_file)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(GOODBYE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def address(process, log_file):
    """The address that a program prints; what else it prints is read, too, so that its pipe never fills."""
    lines = queue.Queue()

    def read():
        for line in process.stdout:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    deadline = time.monotonic() + BUILD_SECONDS
    while (left := deadline - time.monotonic()) > 0:
        try:
            line = lines.get(timeout=left)
        except queue.Empty:
            break
        if line is None:
            break
        if line.startswith(READY):
            return line.removeprefix(READY).strip()
    sys.exit(f"the app did not start:\n{log_file.read_text(encoding='utf-8', errors='replace')[-5000:]}")


class Api:
    """The JSON API of an app."""

    def __init__(self, url):
        self.url = url

    def call(self, path, body=None):
        """The answer to a GET, or to a POST where there is a body."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + "api/" + path, data=data)
        if data is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=STEP_SECONDS) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            sys.exit(f"{path}: {error.code} {error.read().decode(errors='replace')}")

    def job(self, workflow, key):
        """The job once no step of it runs."""
        path = f"workflows/{quoted(workflow)}/jobs/{quoted(key)}"
        deadline = time.monotonic() + STEP_SECONDS
        while time.monotonic() < deadline:
            job = self.call(path)
            if job["running"] is None:
                return job
            time.sleep(0.05)
        sys.exit(f"step {job['running']!r} of {key} has not ended after {STEP_SECONDS} s")

    def walk(self, workflow, key, answers):
        """Opens a job and takes it from the first step to the last; the answers are those of its fields."""
        self.call(f"workflows/{quoted(workflow)}/jobs", {"key": key})
        taken = set()
        while (step := (job := self.job(workflow, key))["next"]) is not None:
            if step in taken:
                sys.exit(f"step {step!r} of {key} was run and is still open: {json.dumps(job, indent=2)}")
            taken.add(step)
            described = next(one for one in job["steps"] if one["name"] == step)
            values = {field["name"]: answers[field["name"]] for field in described["fields"]}
            path = f"workflows/{quoted(workflow)}/jobs/{quoted(key)}/steps/{quoted(step)}"
            self.call(path, {"values": values, "revision": job["revision"], "token": f"walk-{step}"})
        return job


def quoted(part):
    return urllib.parse.quote(part, safe="")


def pipulate(program, *arguments, url, folder=None, may_fail=False):
    """Runs the command-line program on a store, and gives what it wrote to stdout."""
    done = subprocess.run(
        [str(program), *map(str, arguments)],
        cwd=folder, env={**os.environ, "PIPULATE_URL": url}, timeout=BUILD_SECONDS,
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
    )
    if done.returncode != 0 and not may_fail:
        sys.exit(f"pipulate {' '.join(map(str, arguments))}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def store(folder):
    """The URL of a store in a folder."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    return f"sqlite:{Path(folder).resolve() / 'pipeline.db'}"
