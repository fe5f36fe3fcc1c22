"""Runs each notebook with nbclient and with `pipulate run`, twice each in one store: as it is, and then, in a fresh kernel
that finds what the first one saved, with the exercises solved; with `--once`, each notebook as it is, with nbclient. Exit code
1 if any cell is not what it should be."""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

import notebooks

CELL_SECONDS = 600
NOTEBOOK_SECONDS = 1200


def with_nbclient(source, written, folder):
    notebook = nbformat.read(source, as_version=4)
    client = NotebookClient(
        notebook, timeout=CELL_SECONDS, kernel_name="pipulate", allow_errors=True, resources={"metadata": {"path": folder}}
    )
    client.execute()
    nbformat.validate(notebook)
    nbformat.write(notebook, written)


def with_pipulate(program, source, written, folder):
    command = [program, "run", source, "-o", written, "--quiet"]
    subprocess.run(command, cwd=folder, check=True, timeout=NOTEBOOK_SECONDS, stdin=subprocess.DEVNULL)
    nbformat.validate(nbformat.read(written, as_version=4))


def judge(source, name, run, folder, once=False):
    """Runs one notebook twice, or once, in a store of its own; the problems that were found."""
    folder.mkdir(parents=True)
    os.environ["PIPULATE_URL"] = f"sqlite:{folder / 'pipeline.db'}"
    with_solutions, has_exercises = notebooks.solved(notebooks.read(source))
    # Of the same name: it is the workflow's.
    second = folder / "solved" / source.name
    second.parent.mkdir()
    second.write_text(json.dumps(with_solutions), encoding="utf-8")
    found = []
    turns = [("first", source, False), ("second", second, True)]
    for turn, notebook, is_solved in turns[:1] if once else turns:
        written = folder / f"{turn}.ipynb"
        started = time.perf_counter()
        try:
            run(notebook, written, folder)
            result = notebooks.read(written)
            problems = notebooks.problems(result)
            if has_exercises:
                problems += notebooks.exercise_problems(result, is_solved)
        except Exception as error:  # Whatever went wrong, the next notebook is worth running.
            problems = [f"{type(error).__name__}: {error}"]
        seconds = time.perf_counter() - started
        print(f"{source.name}, {name}, {turn} run: {'FAILED' if problems else 'ok'} in {seconds:.1f} s", flush=True)
        found += [f"{source.name}, {name}, {turn} run: {problem}" for problem in problems]
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebooks", type=Path)
    parser.add_argument("--pipulate", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--once", action="store_true", help="with nbclient, and not a second time")
    arguments = parser.parse_args()
    sources = sorted(path.resolve() for path in arguments.notebooks.glob("*.ipynb"))
    if not sources:
        sys.exit(f"there are no notebooks in {arguments.notebooks}")
    found = []
    for source in sources:
        folder = arguments.folder / source.stem
        shutil.rmtree(folder, ignore_errors=True)
        found += judge(source, "nbclient", with_nbclient, folder / "nbclient", arguments.once)
        if arguments.once:
            continue
        found += judge(
            source,
            "pipulate run",
            lambda source, written, folder: with_pipulate(arguments.pipulate, source, written, folder),
            folder / "pipulate",
        )
    if found:
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
