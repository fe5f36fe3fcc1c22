"""The first tutorial in JupyterLab, in a headless browser, as a newcomer would: open it, run all cells, restart the kernel,
run the cell that resumes. The state must be there. Then the notebook that all clients run: it must show what nbclient shows. A
screenshot of each stage is left behind to be looked at."""

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

import clients
import notebooks

NOTEBOOK = "01_first_pipeline.ipynb"
START_SECONDS = 90
RUN_SECONDS = 900

# Each cell is in the page whether it is in view or not, and nothing is asked from the network.
SETTINGS = {
    "@jupyterlab/notebook-extension/tracker.jupyterlab-settings": {"windowingMode": "none"},
    "@jupyterlab/apputils-extension/notification.jupyterlab-settings": {"fetchNews": "false", "checkForUpdates": False},
}

# The notebook in front, once its kernel can be used.
READY = """
const panel = window.jupyterapp && window.jupyterapp.shell.currentWidget;
const kernel = panel && panel.sessionContext && panel.sessionContext.session && panel.sessionContext.session.kernel;
return Boolean(kernel && panel.content && panel.content.model && panel.content.widgets.length && kernel.status === 'idle');
"""
# Runs a command of JupyterLab's, as its menu would. Its end is asked for: one request may not last as long as a notebook.
COMMAND = """
window.commandEnded = null;
window.jupyterapp.commands.execute(arguments[0]).then(
    () => { window.commandEnded = 'well'; }, error => { window.commandEnded = String(error); });
"""
COMMAND_ENDED = "return window.commandEnded;"
MODEL = "return JSON.stringify(window.jupyterapp.shell.currentWidget.content.model.toJSON());"
SELECT = """
const notebook = window.jupyterapp.shell.currentWidget.content;
notebook.deselectAll();
notebook.activeCellIndex = arguments[0];
notebook.widgets[arguments[0]].node.scrollIntoView({block: arguments[1]});
"""
KERNEL_NAME = "return window.jupyterapp.shell.currentWidget.sessionContext.kernelDisplayName;"


@contextlib.contextmanager
def server(folder):
    """JupyterLab on a free port; the address of a notebook, with the token."""
    settings = Path(os.environ["JUPYTERLAB_SETTINGS_DIR"])
    for name, content in SETTINGS.items():
        file = settings / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content), encoding="utf-8")
    log_file = folder / "jupyterlab.log"
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--expose-app-in-browser"]
    command += ["--ServerApp.port=0", f"--ServerApp.root_dir={folder / 'notebooks'}"]
    with log_file.open("w") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield address(process, log_file)
    finally:
        # Politely first: the server ends its kernels.
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def address(process, log_file):
    information = Path(os.environ["JUPYTER_RUNTIME_DIR"]) / f"jpserver-{process.pid}.json"
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
            content = json.loads(information.read_text(encoding="utf-8"))
            return lambda notebook: f"{content['url']}lab/tree/{notebook}?token={content['token']}&reset"
        time.sleep(0.1)
    sys.exit(f"JupyterLab did not start:\n{log_file.read_text(encoding='utf-8', errors='replace')[-3000:]}")


@contextlib.contextmanager
def browser(program, driver, folder, javascript=True):
    options = Options()
    options.binary_location = str(program)
    for flag in ["headless", "no-sandbox", "disable-gpu", "disable-background-networking", "no-first-run"]:
        options.add_argument(f"--{flag}")
    options.add_argument("--window-size=1400,1000")
    options.add_argument(f"--user-data-dir={folder / 'profile'}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    if not javascript:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    # Selenium must look for no driver elsewhere.
    os.environ["SE_OFFLINE"] = "true"
    page = webdriver.Chrome(service=Service(executable_path=str(driver)), options=options)
    try:
        yield page
    finally:
        page.quit()


class Lab:
    """The one notebook that is open in the browser."""

    def __init__(self, page, screenshots, name="lab"):
        self.page = page
        self.screenshots = screenshots
        self.name = name
        self.stage = 0

    def ready(self):
        WebDriverWait(self.page, START_SECONDS).until(lambda page: page.execute_script(READY), "the kernel is not idle")

    def command(self, name):
        self.page.execute_script(COMMAND, name)
        ended = WebDriverWait(self.page, RUN_SECONDS).until(lambda page: page.execute_script(COMMAND_ENDED), name)
        if ended != "well":
            sys.exit(f"{name}: {ended}")

    def notebook(self):
        return json.loads(self.page.execute_script(MODEL))

    def select(self, index, block="center"):
        self.page.execute_script(SELECT, index, block)

    def restart(self):
        self.page.execute_script("window.jupyterapp.commands.execute('kernelmenu:restart');")
        accept = (By.CSS_SELECTOR, ".jp-Dialog button.jp-mod-accept")
        WebDriverWait(self.page, 30).until(lambda page: page.find_elements(*accept), "no question about the restart")
        self.screenshot("restart")
        self.page.find_element(*accept).click()
        WebDriverWait(self.page, 30).until_not(lambda page: page.find_elements(*accept), "the question stayed open")
        self.ready()

    def screenshot(self, name):
        self.stage += 1
        file = self.screenshots / f"{self.name}-{self.stage}-{name}.png"
        self.page.save_screenshot(str(file))
        print(f"screenshot: {file}", flush=True)


def resume_cell(notebook):
    found = [index for index, cell in enumerate(notebook["cells"]) if notebooks.tagged(cell, notebooks.RESUME)]
    if len(found) != 1:
        sys.exit(f"{NOTEBOOK} has {len(found)} cells with the tag {notebooks.RESUME!r}; one is needed")
    return found[0]


def first_code_cell_with(notebook, source):
    cells = enumerate(notebook["cells"])
    return next(index for index, cell in cells if cell["cell_type"] == "code" and source in notebooks.text(cell["source"]))


def tour(lab):
    lab.ready()
    name = lab.page.execute_script(KERNEL_NAME)
    if name != "Rust (Pipulate)":
        sys.exit(f"the notebook runs in {name!r}")
    lab.select(0, "start")
    lab.screenshot("opened")

    lab.command("notebook:run-all-cells")
    lab.ready()
    before = lab.notebook()
    problems = notebooks.problems(before)
    lab.select(0, "start")
    lab.screenshot("run-all")
    lab.select(first_code_cell_with(before, "%pip_steps"), "end")
    lab.screenshot("steps")
    lab.select(len(before["cells"]) - 1, "end")
    lab.screenshot("run-all-end")
    if problems:
        sys.exit("\n".join(problems))

    lab.restart()
    index = resume_cell(before)
    lab.select(index)
    lab.command("notebook:run-cell")
    lab.ready()
    lab.select(index)
    lab.screenshot("resumed")
    resumed = lab.notebook()["cells"][index]
    if resumed["execution_count"] != 1:
        sys.exit(f"the resume cell has count {resumed['execution_count']}: the kernel was not fresh")
    expected, found = notebooks.printed(before["cells"][index]), notebooks.printed(resumed)
    if not expected.strip() or found != expected:
        sys.exit(f"after the restart the resume cell shows\n{found}\nand not, as before it,\n{expected}")
    print(f"after the restart the resume cell shows what was saved before it:\n{found}")


def compare(lab, expected):
    lab.ready()
    lab.command("notebook:run-all-cells")
    lab.ready()
    lab.select(0, "start")
    lab.screenshot("clients")
    lab.select(len(clients.CELLS) - 1, "end")
    lab.screenshot("clients-end")
    if found := clients.differences("JupyterLab", expected, clients.shown(lab.notebook())):
        sys.exit("\n".join(found))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("browser", "driver", "folder", "screenshots"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    arguments = parser.parse_args()
    shutil.rmtree(arguments.screenshots, ignore_errors=True)
    arguments.screenshots.mkdir(parents=True)
    # A copy: running a tutorial must not change the checkout.
    shutil.copytree("notebooks", arguments.folder / "notebooks")
    url = os.environ["PIPULATE_URL"]
    source = clients.fresh(arguments.folder, "nbclient")
    clients.with_nbclient(None, source, arguments.folder / "expected.ipynb")
    expected = clients.shown(notebooks.read(arguments.folder / "expected.ipynb"))
    os.environ["PIPULATE_URL"] = url
    with server(arguments.folder) as address_of, browser(arguments.browser, arguments.driver, arguments.folder) as page:
        lab = Lab(page, arguments.screenshots)
        try:
            page.get(address_of(NOTEBOOK))
            tour(lab)
            # Not before: a newcomer sees the tutorials alone.
            shutil.copy(source, arguments.folder / "notebooks")
            page.get(address_of(clients.NAME))
            compare(lab, expected)
        except BaseException:
            lab.screenshot("failed")
            raise


if __name__ == "__main__":
    main()
