"""A web app made from a notebook: started, asked, and killed."""

import http.client
import json
import os
import subprocess
import time
from urllib.parse import quote, urlencode

SECONDS = 60


class Ended(Exception):
    """The app's process has ended before it served."""


class App:
    """The app's process, which serves on a port of its own, with its store in `folder`."""

    def __init__(self, program, folder, **environment):
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            [str(program), "--addr", "127.0.0.1:0", "--db", f"sqlite:{folder / 'pipeline.db'}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, cwd=folder, env=os.environ | environment, text=True,
        )
        self.connection = None

    def serve(self):
        """Waits until it serves."""
        first = self.process.stdout.readline()
        if not first.startswith("Serving at http://"):
            raise Ended(f"it said {first!r}, and not where it serves")
        self.address = first.split("//")[1].strip().rstrip("/")
        self.connection = http.client.HTTPConnection(self.address, timeout=SECONDS)
        return self

    def ask(self, method, path, body=None, **headers):
        """Status and text of the answer."""
        self.connection.request(method, path, body=body, headers=headers)
        response = self.connection.getresponse()
        return response.status, response.read().decode()

    def page(self, path):
        status, text = self.ask("GET", path)
        if status != 200:
            raise SystemExit(f"GET {path}: {status}\n{text}")
        return text

    def form(self, path, fields, **headers):
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        return self.ask("POST", path, urlencode(fields), **headers)

    def api(self, method, path, call=None):
        """The answer of the API to a call that must succeed."""
        body = None if call is None else json.dumps(call)
        status, text = self.ask(method, path, body, **{"Content-Type": "application/json"})
        if status >= 300:
            raise SystemExit(f"{method} {path}: {status}\n{text}")
        return json.loads(text)

    def stop(self):
        """Lets it end by itself."""
        self.process.terminate()
        self.end()

    def end(self):
        """What is left of it when it ends or was killed."""
        if self.connection:
            self.connection.close()
        self.process.wait(SECONDS)
        self.process.stdout.close()


def job_path(workflow, key):
    return f"/api/workflows/{quote(workflow)}/jobs/{quote(key)}"
