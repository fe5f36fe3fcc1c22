"""Each notebook that can be ported: porting it twice gives the same bytes, the crate builds without a warning and passes its own tests,
which fail when a step is renamed, and the app gives the values and the fingerprints that the notebook gives. Exit code 1 if it is not
so."""

import argparse
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import apps
import notebooks

# As `pipulate serve` builds, so that what apps link is compiled once for both.
PROFILE = [
    "profile.dev.opt-level=1",
    'profile.dev.package."*".opt-level=1',
    'profile.dev.debug="line-tables-only"',
    'profile.dev.package."*".debug=false',
]
FRESH = "is fresh"


def report(program, notebook, folder):
    """What would become of a notebook; None for one that cannot be ported."""
    written = apps.pipulate(program, "port", notebook, "--check", "--json", url=apps.store(folder), may_fail=True)
    found = json.loads(written)
    return None if found["refusals"] else found


def crate(program, notebook, folder):
    """Ports a notebook over the one before it. The libraries beside it stay as they are: they are compiled once."""
    (folder / "Cargo.lock").unlink(missing_ok=True)
    apps.pipulate(program, "port", notebook, "-o", folder, "--force", url=apps.store(folder.parent))


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def build(folder, target):
    """Builds a crate and its tests; its program, that of its tests, and the warnings that there were."""
    command = ["cargo", "build", "--bins", "--test", "workflow", "--message-format=json", "--target-dir", str(target)]
    for setting in PROFILE:
        command += ["--config", setting]
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=apps.BUILD_SECONDS)
    messages = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    said = [message["message"]["rendered"] for message in messages if message["reason"] == "compiler-message"]
    if done.returncode != 0:
        sys.exit(f"the crate does not build:\n{''.join(said)}")
    programs = {message["target"]["name"]: message["executable"] for message in messages if message.get("executable")}
    tests = programs.pop("workflow")
    return programs.popitem()[1], tests, said


def tested(folder, tests):
    """What the tests of a crate say against it."""
    done = subprocess.run([tests], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=apps.BUILD_SECONDS)
    return [] if done.returncode == 0 else [f"the crate's tests fail:\n{done.stdout}{done.stderr}"]


def misses_a_renamed_step(folder, target):
    """What is wrong with tests that pass although a step has another name than in the notebook."""
    source = folder / "src" / "workflow.rs"
    text = source.read_text(encoding="utf-8")
    source.write_text(re.sub(r'Step::(saves|computes)\("', r'Step::\1("renamed ', text, count=1), encoding="utf-8")
    _, tests, _ = build(folder, target)
    source.write_text(text, encoding="utf-8")
    return [] if tested(folder, tests) else ["the crate's tests pass although a step was renamed"]


def steps(program, key, url):
    """The steps of a job by name."""
    job = json.loads(apps.pipulate(program, "job", "show", key, "--json", url=url))
    return {step["name"]: step for step in job["steps"]}


def job_of(notebook):
    """The key of the job that a notebook opens."""
    for cell in notebooks.code_cells(notebook):
        words = notebooks.text(cell["source"]).split()
        if words[0] == "%pip_job":
            return words[1]
    return None


def fresh_problems(written):
    """The step cells of a notebook that was run which do not say that their step is fresh."""
    found = []
    for cell in notebooks.code_cells(notebooks.read(written)):
        source = notebooks.text(cell["source"])
        if not source.startswith("%%pip_step") or notebooks.tagged(cell, "skip"):
            continue
        said = [notebooks.text(output["data"]["text/plain"]) for output in cell["outputs"] if "data" in output]
        if not any(FRESH in text for text in said):
            found.append(f"after the app has run it, the notebook's `{source.splitlines()[0]}` says {said or 'nothing'}")
    return found


def judge(program, notebook, workflow, arguments):
    """What is wrong with one notebook's port."""
    folder = arguments.folder / notebook.stem
    folder.mkdir(parents=True)
    first, crate_folder = folder / "port", arguments.kept / "crate"
    apps.pipulate(program, "port", notebook, "-o", first, url=apps.store(folder))
    crate(program, notebook, crate_folder)
    if files(first) != files(crate_folder):
        return ["porting it twice gives two crates"]
    started = time.perf_counter()
    built, tests, warnings = build(crate_folder, arguments.target)
    print(f"{notebook.name}: built in {time.perf_counter() - started:.1f} s", flush=True)
    if warnings:
        return [f"the crate builds with warnings:\n{''.join(warnings)}"]
    failed = tested(crate_folder, tests)
    if failed:
        return failed

    key = job_of(notebooks.read(notebook))
    in_notebook, in_app = apps.store(folder / "notebook"), apps.store(folder / "app")
    apps.pipulate(program, "run", notebook, "--quiet", url=in_notebook, folder=folder)
    expected = steps(program, key, in_notebook)
    answers = {name: step["value"] for name, step in expected.items()}
    with apps.app([built, "--addr", "127.0.0.1:0", "--db", in_app], folder, folder / "app.log") as url:
        job = apps.Api(url).walk(workflow, key, answers)
    found = [f"step {step['name']!r} has the status {step['status']!r} at the end" for step in job["steps"] if step["status"] != "fresh"]
    if not job["steps"]:
        found.append("the app has no step")
    made = steps(program, key, in_app)
    for name in expected | made:
        one, other = expected.get(name, {}), made.get(name, {})
        for what, of in [("value", one.get), ("fingerprint", one.get("recording", {}).get)]:
            of_app = other.get if what == "value" else other.get("recording", {}).get
            if of(what) != of_app(what):
                found.append(f"{what} of {name!r}: the notebook gives {of(what)!r}, and the app {of_app(what)!r}")
    written = folder / "after-the-app.ipynb"
    apps.pipulate(program, "run", notebook, "--job", key, "--quiet", "-o", written, url=in_app, folder=folder)
    return found + fresh_problems(written)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebooks", type=Path)
    for name in ("pipulate", "folder", "kept", "target"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    arguments = parser.parse_args()
    for name in ("notebooks", "pipulate", "folder", "kept", "target"):
        setattr(arguments, name, getattr(arguments, name).resolve())
    found, ported = [], []
    for notebook in sorted(arguments.notebooks.glob("*.ipynb")):
        text = json.dumps(notebooks.read(notebook))
        described = report(arguments.pipulate, notebook, arguments.folder)
        if described is None:
            # One with steps is there to be ported.
            if "%%pip_step" in text:
                found.append(f"{notebook.name} cannot be ported: `pipulate port --check` says why")
            continue
        ported.append(notebook)
        problems = judge(arguments.pipulate, notebook, described["workflow"], arguments)
        print(f"{notebook.name}: {'FAILED' if problems else 'ok'}", flush=True)
        found += [f"{notebook.name}: {problem}" for problem in problems]
    if not ported:
        found.append(f"no notebook in {arguments.notebooks} can be ported")
    elif not found:
        # The crate of the last one is there still.
        found += misses_a_renamed_step(arguments.kept / "crate", arguments.target)
    if found:
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
