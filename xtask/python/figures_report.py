"""Figures as a table for the terminal and a section of the documentation; those of the kernel as a plot, too."""

import math
import os
import statistics
from dataclasses import dataclass
from html import escape

OURS, EVCXR, IPYKERNEL = "pipulate", "evcxr_jupyter", "ipykernel"

BEGIN, END = "<!-- kernel figures: begin -->", "<!-- kernel figures: end -->"
PLOT = "images/kernel_figures.svg"


@dataclass
class Row:
    """A measure: its title, its unit (`ms` of values in seconds, `MB` of values in bytes) and its goal: a value, or the ratio
    to evcxr_jupyter."""

    measure: str
    title: str
    unit: str
    goal: float | None = None
    ratio: float | None = None

    def show(self, value):
        if value is None:
            return "-"
        if self.unit == "MB":
            return f"{value / 1e6:.0f}"
        milliseconds = value * 1000
        return f"{milliseconds:.1f}" if abs(milliseconds) < 100 else f"{milliseconds:.0f}"


@dataclass
class Circumstances:
    """What a reader must know to judge the figures."""

    rounds: int | None
    cores: int
    load: float

    @classmethod
    def now(cls, rounds=None):
        """To be taken before anything is measured, which is a load itself."""
        return cls(rounds, os.cpu_count() or 0, os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0)

    def sentence(self):
        cores = {1: "one core", 2: "two cores"}.get(self.cores, f"{self.cores} cores")
        state = "at rest" if self.load < 0.5 else "with other programs running: these are upper bounds"
        rounds = "" if self.rounds is None else "one round on " if self.rounds == 1 else f"{self.rounds} rounds on "
        return f"{rounds}{cores}, load average {self.load:.1f} at the start, {state}"


def median(values, kernel, row):
    found = values.get(kernel, {}).get(row.measure)
    return statistics.median(found) if found else None


def percentile(values, row):
    ordered = sorted(values[OURS][row.measure])
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]


def ratio(values, row):
    ours, theirs = median(values, OURS, row), median(values, EVCXR, row)
    return ours / theirs if ours is not None and theirs else None


def promise_cells(row, values):
    ours = median(values, OURS, row)
    verdict = "met" if ours <= row.goal else "missed"
    return [
        row.title,
        str(len(values[OURS][row.measure])),
        row.show(ours),
        row.show(percentile(values, row)),
        f"{row.goal * 1000:.0f}",
        verdict,
    ]


def side_cells(row, values):
    found = ratio(values, row)
    cells = [row.title + (f", {row.unit}" if row.unit != "ms" else "")]
    cells += [row.show(median(values, kernel, row)) for kernel in (OURS, EVCXR, IPYKERNEL)]
    if found is None:
        return [*cells, "-", f"{row.ratio:.1f}", "-"]
    return [*cells, f"{found:.2f}", f"{row.ratio:.1f}", "met" if found <= row.ratio else "missed"]


PROMISE_TITLES = ["milliseconds", "n", "median", "95th percentile", "goal", ""]
SIDE_TITLES = ["milliseconds", OURS, EVCXR, IPYKERNEL, "ratio", "goal", ""]


def tables(promises, side_by_side, values):
    yield PROMISE_TITLES, [promise_cells(row, values) for row in promises]
    yield SIDE_TITLES, [side_cells(row, values) for row in side_by_side]


def text(promises, side_by_side, values, circumstances):
    lines = [f"\n{circumstances.sentence()}; the ratio is {OURS} / {EVCXR}"]
    lines += [plain(titles, rows) for titles, rows in tables(promises, side_by_side, values)]
    return "\n".join(lines)


def plain(titles, rows):
    """A table for the terminal."""
    widths = [max(len(cells[column]) for cells in [titles, *rows]) for column in range(len(titles))]
    lines = [""]
    for cells in [titles, *rows]:
        first, *rest = [
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        lines.append("  ".join([first, *rest]).replace("`", "").rstrip())
    return "\n".join(lines)


def markdown_table(titles, rows):
    return [
        "| " + " | ".join(titles) + " |",
        "|" + "---|" * len(titles),
        *["| " + " | ".join(cells) + " |" for cells in rows],
    ]


def markdown(promises, side_by_side, values, circumstances):
    lines = [
        f"Development build with optimised dependencies, as `cargo xtask lab` installs it; {circumstances.sentence()}.",
    ]
    for number, (titles, rows) in enumerate(tables(promises, side_by_side, values)):
        if number == 1:
            if EVCXR not in values:
                break
            lines += [
                "",
                f"![{OURS}, {EVCXR} and {IPYKERNEL}, side by side]({PLOT})",
                "",
                f"The same cells in {OURS}, {EVCXR} 0.22 and, in Python, {IPYKERNEL}, one kernel after the other in each round; medians. "
                f"A cell ends when its reply, all its output and `idle` are there. The ratio is {OURS} / {EVCXR}.",
            ]
        lines += ["", *markdown_table(titles, rows)]
    return "\n".join(lines)


# Light and dark, by the reader's own setting; the plot brings its background, so it is legible where the page does not follow.
STYLE = """
  svg { --surface: #ffffff; --text: #1f2328; --faint: #656d76; --line: #d8dee4; --ours: #b7410e; --evcxr: #57606a; --python: #2f6fb0; }
  @media (prefers-color-scheme: dark) {
    svg { --surface: #0d1117; --text: #e6edf3; --faint: #9198a1; --line: #30363d; --ours: #ff9a62; --evcxr: #afb8c1; --python: #6cb6ff; }
  }
  text { font: 13px system-ui, sans-serif; fill: var(--text); }
  .faint { fill: var(--faint); font-size: 12px; }
  .line { stroke: var(--line); }
  .pipulate { fill: var(--ours); stroke: var(--ours); }
  .evcxr_jupyter { fill: var(--surface); stroke: var(--evcxr); }
  .ipykernel { fill: var(--python); stroke: var(--python); }
"""
LEFT, WIDTH, RIGHT, TOP, STEP = 250, 560, 70, 64, 26


def mark(kernel, x, y):
    """A shape for each kernel, so that they can be told apart without colour."""
    if kernel == OURS:
        return f'<circle class="{kernel}" cx="{x:.1f}" cy="{y}" r="6"/>'
    if kernel == EVCXR:
        return f'<circle class="{kernel}" cx="{x:.1f}" cy="{y}" r="5" stroke-width="2.5"/>'
    return f'<rect class="{kernel}" x="{x - 4:.1f}" y="{y - 4}" width="8" height="8"/>'


def plot(side_by_side, values):
    rows = [row for row in side_by_side if row.unit == "ms"]
    kernels = [kernel for kernel in (IPYKERNEL, EVCXR, OURS) if kernel in values]
    points = [median(values, kernel, row) for row in rows for kernel in kernels]
    low = math.floor(math.log10(min(points)))
    high = math.ceil(math.log10(max(points)))

    def across(value):
        return LEFT + WIDTH * (math.log10(value) - low) / (high - low)

    height = TOP + STEP * len(rows) + 44
    bottom = TOP + STEP * (len(rows) - 1) + 16
    total = LEFT + WIDTH + RIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {height}" role="img" '
        f'aria-label="Seconds for each measure, {", ".join(reversed(kernels))}">',
        f"<style>{STYLE}</style>",
        f'<rect width="{total}" height="{height}" fill="var(--surface)"/>',
    ]
    for number, kernel in enumerate(reversed(kernels)):
        x = LEFT + number * 150
        parts += [mark(kernel, x, 24), f'<text x="{x + 12}" y="28">{kernel}</text>']
    for power in range(low, high + 1):
        x = across(10**power)
        label = f"{10**power:g} s" if power >= 0 else f"{10 ** (power + 3):g} ms"
        parts += [
            f'<line class="line" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 16}" y2="{bottom}"/>',
            f'<text class="faint" x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{label}</text>',
        ]
    for number, row in enumerate(rows):
        y = TOP + STEP * number
        found = {kernel: across(median(values, kernel, row)) for kernel in kernels}
        parts += [
            f'<text x="{LEFT - 16}" y="{y + 4}" text-anchor="end">{escape(row.title)}</text>',
            f'<line class="line" x1="{min(found.values()):.1f}" x2="{max(found.values()):.1f}" y1="{y}" y2="{y}"/>',
        ]
        parts += [mark(kernel, x, y) for kernel, x in found.items()]
        shown = ratio(values, row)
        if shown is not None:
            parts.append(f'<text class="faint" x="{total - 14}" y="{y + 4}" text-anchor="end">{shown:.2f}</text>')
    parts.append(f'<text class="faint" x="{total - 14}" y="28" text-anchor="end">ratio to evcxr_jupyter</text>')
    parts.append("</svg>\n")
    return "\n".join(parts)


def write(docs, promises, side_by_side, values, circumstances):
    """Puts the tables into `performance.md`, and the plot, where there is something to compare, beside it."""
    if EVCXR in values:
        (docs / PLOT).write_text(plot(side_by_side, values), encoding="utf-8")
        print(f"Wrote {docs / PLOT}.")
    put(docs / "performance.md", BEGIN, END, markdown(promises, side_by_side, values, circumstances))


def put(file, begin, end, section):
    """Puts a section between its marks."""
    before, marked, rest = file.read_text(encoding="utf-8").partition(begin)
    _, ended, after = rest.partition(end)
    if not (marked and ended):
        raise SystemExit(f"{file} lacks the lines {begin} and {end}")
    file.write_text(f"{before}{begin}\n{section}\n{end}{after}", encoding="utf-8")
    print(f"Wrote the figures into {file}.")
