"""What an executed notebook must look like, whoever executed it."""

import json
from pathlib import Path

# The cell that finds, in a fresh kernel, what earlier runs saved.
RESUME = "resume"
# The cell that tells a student how far the exercise is.
CHECK = "exercise-check"
# Jupyter's own tag for a cell that shows an error on purpose.
FAILS = "raises-exception"


def read(path):
    return json.loads(Path(path).read_text(encoding="utf-8"))


def text(value):
    """A field that nbformat lets be one string or a list of them."""
    return value if isinstance(value, str) else "".join(value)


def tagged(cell, tag):
    return tag in cell.get("metadata", {}).get("tags", [])


def code_cells(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code" and text(cell["source"]).strip()]


def problems(notebook):
    """One line for each thing that is wrong with the outputs; none when all is well."""
    found = []
    for number, cell in enumerate(code_cells(notebook), 1):
        first_line = text(cell["source"]).strip().splitlines()[0]
        where = f"code cell {number} ({first_line!r})"
        errors = [output for output in cell["outputs"] if output["output_type"] == "error"]
        if cell.get("execution_count") is None:
            found.append(f"{where} was not run")
        if errors and not tagged(cell, FAILS):
            found.append(f"{where} failed: {errors[0]['ename']}: {errors[0]['evalue']}")
        if tagged(cell, FAILS) and len(errors) != 1:
            found.append(f"{where} should show one error and shows {len(errors)}")
    return found


def printed(cell):
    """What a cell's own Rust wrote and gave, as plain text; not what magics display."""
    parts = []
    for output in cell["outputs"]:
        if output["output_type"] == "stream":
            parts.append(text(output["text"]))
        elif output["output_type"] == "execute_result":
            parts.append(text(output["data"]["text/plain"]))
    return "\n".join(part.strip() for part in parts)


def solved(notebook):
    """The notebook with each exercise solved, and whether there was any."""
    cells = [cell for cell in notebook["cells"] if "solution" in cell.get("metadata", {}).get("pipulate", {})]
    for cell in cells:
        cell["source"] = cell["metadata"]["pipulate"]["solution"]
    return notebook, bool(cells)


def exercise_problems(notebook, is_solved):
    """Whether each check cell sees if its exercise is solved."""
    expected = "Well done" if is_solved else "Still missing"
    cells = [cell for cell in notebook["cells"] if tagged(cell, CHECK)]
    return [
        f"the check of the exercise prints {printed(cell)!r}, not {expected!r}"
        for cell in cells
        if expected not in printed(cell)
    ]
