"""One notebook through each client: nbclient, nbconvert, papermill, euporie, `pipulate run` and the console. What they show must be the
same. Exit code 1 if it is not."""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pexpect
from nbclient import NotebookClient

import notebooks
from kernels import CELL_SECONDS, FIRST_CELL_SECONDS, KERNEL

# Something of each kind that a cell can show. papermill and `pipulate run` stop at an error: it stands at the end.
CELLS = [
    "%pip_job clients-01 --workflow clients",
    'for i in 0..3 {\n    println!("line {}", i * 7);\n}',
    'eprintln!("{}", 5 * 5);',
    'print!("without an end");',
    "let numbers = vec![1.5, 2.5];\nnumbers.iter().sum::<f64>()",
    '%pip_set rows = [{"name": "\u00e9\U0001f980", "n": 1}, {"name": "<b>", "n": 2}]\n%pip_get rows',
    "%pip_steps",
    'println!("EVCXR_BEGIN_CONTENT text/html\\n<i>{}</i>\\nEVCXR_END_CONTENT", 6 * 7);\nprintln!("after");',
    "let unit = ();",
    "?%pip_undo",
    "numbers[7]",
]
NAME = "clients.ipynb"
CONTROL = re.compile("\x1b\\[[0-9;?]*[A-Za-z]")
TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d")


def with_nbclient(_, source, written):
    notebook = nbformat.read(source, as_version=4)
    resources = {"metadata": {"path": source.parent}}
    NotebookClient(
        notebook, timeout=FIRST_CELL_SECONDS, kernel_name=KERNEL, allow_errors=True, resources=resources
    ).execute()
    nbformat.write(notebook, written)


def run(command, source, exit_code):
    done = subprocess.run(
        command, cwd=source.parent, timeout=FIRST_CELL_SECONDS, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode != exit_code:
        raise RuntimeError(f"exit code {done.returncode}\n{done.stdout}{done.stderr}")


def with_nbconvert(_, source, written):
    command = [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", "--allow-errors", "--log-level", "ERROR"]
    command += [f"--ExecutePreprocessor.kernel_name={KERNEL}", f"--ExecutePreprocessor.timeout={FIRST_CELL_SECONDS}"]
    run([*command, "--output", written, source], source, 0)


def with_papermill(_, source, written):
    command = [sys.executable, "-m", "papermill", "--kernel", KERNEL, "--no-progress-bar", "--log-level", "ERROR"]
    run([*command, "--execution-timeout", str(FIRST_CELL_SECONDS), source, written], source, 1)


def with_euporie(_, source, written):
    # It writes to where it read from.
    shutil.copy(source, written)
    command = [Path(sys.executable).with_name("euporie-preview"), "--run", "--save", "--kernel-name", KERNEL]
    run([*command, written], source, 0)


def with_pipulate(program, source, written):
    run([program, "run", source, "-o", written, "--quiet"], source, 1)


def shown(notebook):
    """For each cell its count and its outputs, without what may differ: times, and where a stream's text was cut."""
    found = []
    for cell in notebooks.code_cells(notebook):
        outputs = []
        for output in cell["outputs"]:
            kind = output["output_type"]
            if kind == "stream":
                text = notebooks.text(output["text"])
                if outputs and outputs[-1][:2] == ("stream", output["name"]):
                    text = outputs.pop()[2] + text
                outputs.append((kind, output["name"], text))
            elif kind == "error":
                outputs.append((kind, output["ename"], output["evalue"], "\n".join(output["traceback"])))
            else:
                data = sorted((mime, content(value)) for mime, value in output["data"].items())
                outputs.append((kind, data, output.get("execution_count")))
        found.append((cell["execution_count"], outputs))
    return json.loads(TIME.sub("TIME", json.dumps(found)))


def content(value):
    """Text, or JSON whatever the order of its keys."""
    return json.dumps(value, sort_keys=True) if isinstance(value, dict) else notebooks.text(value)


def lines(text):
    """What a person sees of a text: no colours, no blank lines, the text over which a line was written again left out."""
    seen = [line.rstrip("\r").split("\r")[-1].rstrip() for line in CONTROL.sub("", text).split("\n")]
    return [TIME.sub("TIME", line) for line in seen if line]


def as_text(notebook):
    """For each cell the lines that a console shows of it."""
    found = []
    for cell in notebooks.code_cells(notebook):
        parts = []
        for output in cell["outputs"]:
            kind = output["output_type"]
            if kind == "stream":
                # The console begins a line for whatever comes next.
                parts.append(notebooks.text(output["text"]))
            elif kind == "error":
                parts.append("\n".join(output["traceback"]) + "\n")
            else:
                prompt = f"Out[{output['execution_count']}]: " if kind == "execute_result" else ""
                parts.append(prompt + notebooks.text(output["data"]["text/plain"]) + "\n")
        found.append(lines("".join(parts)))
    return found


def in_console(folder):
    """The same cells, typed into `jupyter console`: for each the lines that it shows."""
    # On a terminal that can do nothing the console draws nothing anew.
    environment = {**os.environ, "TERM": "dumb", "COLUMNS": "200", "LINES": "60", "PYTHONIOENCODING": "utf-8"}
    console = pexpect.spawn(
        sys.executable,
        ["-m", "jupyter_console", "--kernel", KERNEL],
        env=environment, encoding="utf-8", dimensions=(60, 200), timeout=CELL_SECONDS, cwd=str(folder),
    )
    try:
        found = []
        console.expect_exact("In [1]: ")
        for number, code in enumerate(CELLS, 1):
            # As a terminal pastes: the ends of lines are text and not the key that runs the cell.
            console.send(f"\x1b[200~{code}\x1b[201~")
            console.send("\r")
            console.expect_exact(f"In [{number + 1}]: ", timeout=FIRST_CELL_SECONDS)
            # Before the end of the line stands what was typed.
            found.append(lines(console.before.split("\n", 1)[1].replace("\r\n", "\n")))
        # A terminal that is not being read key by key yet keeps text and takes this away.
        for _ in range(CELL_SECONDS):
            console.sendeof()
            if console.expect_exact(["exit ([y]/n)?", pexpect.TIMEOUT], timeout=1) == 0:
                break
        console.sendline("y")
        console.expect(pexpect.EOF)
        return found
    finally:
        console.close(force=True)


def fresh(folder, name):
    """A folder with a store and a copy of the notebook, of one name for all since it is the workflow's."""
    folder = folder / name
    folder.mkdir(parents=True)
    os.environ["PIPULATE_URL"] = f"sqlite:{folder / 'pipeline.db'}"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code, id=f"c{at}") for at, code in enumerate(CELLS)])
    notebook.metadata["kernelspec"] = {"name": KERNEL, "display_name": "Rust (Pipulate)", "language": "rust"}
    source = folder / NAME
    nbformat.write(notebook, source)
    return source


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pipulate", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    clients = {
        "nbclient": with_nbclient,
        "nbconvert": with_nbconvert,
        "papermill": with_papermill,
        "euporie": with_euporie,
        "pipulate run": with_pipulate,
    }
    found, expected, text = [], None, None
    for name, execute in clients.items():
        started = time.perf_counter()
        source = fresh(folder, name.replace(" ", "-"))
        written = source.with_name("written.ipynb")
        execute(arguments.pipulate.resolve(), source, written)
        nbformat.validate(nbformat.read(written, as_version=4))
        result = notebooks.read(written)
        # papermill puts a cell above the one that failed.
        result["cells"] = [cell for cell in result["cells"] if cell["cell_type"] == "code"]
        expected, text = expected or shown(result), text or as_text(result)
        found += differences(name, expected, shown(result))
        print(f"{name}: {len(CELLS)} cells in {time.perf_counter() - started:.1f} s", flush=True)
    started = time.perf_counter()
    found += differences("console", text, in_console(fresh(folder, "console").parent))
    print(f"console: {len(CELLS)} cells in {time.perf_counter() - started:.1f} s", flush=True)
    silent = [code for code, (_, outputs) in zip(CELLS, expected) if not outputs]
    if silent != ["let unit = ();"]:
        found.append(f"nothing is shown by {silent}")
    if found:
        sys.exit("\n".join(found))


def differences(name, expected, found):
    if len(expected) != len(found):
        return [f"{name}: {len(found)} cells, not {len(expected)}"]
    return [
        f"{name}: cell {code!r} shows\n  {one!r}\nand not\n  {other!r}"
        for code, other, one in zip(CELLS, expected, found)
        if one != other
    ]


if __name__ == "__main__":
    main()
