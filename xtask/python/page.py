"""A page of a web app in a headless browser: looked at, walked by the keyboard, judged by axe."""

import base64
import json
import sys
import time
from importlib import resources

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

WAIT_SECONDS = 60
WIDTH, NARROW, HEIGHT = 1000, 400, 900
# A page has fewer controls than this.
TABS = 60

AXE = """
const done = arguments[arguments.length - 1];
axe.run(document, {resultTypes: ['violations']}).then(
    found => done({violations: found.violations, passes: found.passes.length}), error => done({error: String(error)}));
"""
FOCUSED = """
const element = document.activeElement;
const style = getComputedStyle(element);
return {
    tag: element.tagName,
    text: (element.getAttribute('aria-label') || element.innerText || element.value || '').trim(),
    outlined: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0,
};
"""
FITS = "return document.documentElement.scrollWidth <= document.documentElement.clientWidth;"
# Forbidden by the policy: it must do nothing.
INJECT = """
const script = document.createElement('script');
script.textContent = 'window.injected = true;';
document.body.append(script);
const button = document.createElement('button');
button.setAttribute('onclick', 'window.injected = true;');
document.body.append(button);
button.click();
return Boolean(window.injected);
"""


class Page:
    """A browser with an app's page in it."""

    def __init__(self, browser, screenshots):
        self.browser = browser
        self.screenshots = screenshots
        self.axe = (resources.files("axe_core_python") / "axe.min.js").read_text(encoding="utf-8")

    def open(self, url):
        self.browser.get(url)
        self.browser.execute_script("window.notReloaded = true;")

    def until(self, condition, what, seconds=WAIT_SECONDS):
        """Waits until a condition holds; elements may be replaced while it is looked at."""
        return WebDriverWait(self.browser, seconds, poll_frequency=0.05, ignored_exceptions=(Exception,)).until(
            lambda _: condition(), what
        )

    def find(self, selector):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector):
        """The text that a person sees, on one line."""
        return " ".join(self.find(selector).text.split())

    def shows(self, selector, text, seconds=WAIT_SECONDS):
        """Waits until a part of the page shows a text."""
        self.until(lambda: text in self.text(selector), f"{selector} does not show {text!r}", seconds)

    def is_as_it_was(self):
        """Whether the page was loaded only once since it was opened."""
        return self.browser.execute_script("return window.notReloaded === true;")

    def judge(self, name):
        """axe finds no violation, in light and in dark."""
        for scheme in ("light", "dark"):
            self.prefer(scheme)
            self.browser.execute_script(self.axe)
            found = self.browser.execute_async_script(AXE)
            if found.get("error"):
                sys.exit(f"axe on {name}, {scheme}: {found['error']}")
            lines = [
                f"axe on {name}, {scheme}: {one['id']}: {one['help']}: {node['html']}: {node['failureSummary']}"
                for one in found["violations"]
                for node in one["nodes"]
            ]
            if lines:
                self.screenshot(f"axe-{name}-{scheme}")
                sys.exit("\n".join(lines))
            if not found["passes"]:
                sys.exit(f"axe on {name}, {scheme}: it has looked at nothing")
        self.prefer("light")
        print(f"axe: no violation on {name}, light and dark", flush=True)

    def prefer(self, scheme):
        features = [{"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": "reduce"}]
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def screenshot(self, name, scheme="light", width=WIDTH):
        """The whole page, however long."""
        self.prefer(scheme)
        # Twice: once nothing is to be scrolled, no bar takes any width.
        for height in (HEIGHT, None):
            height = height or self.browser.execute_script("return document.documentElement.scrollHeight;")
            metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
            self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        if not self.browser.execute_script(FITS):
            sys.exit(f"{name}: at a width of {width} the page is to be scrolled sideways")
        taken = self.browser.execute_cdp_cmd("Page.captureScreenshot", {})
        file = self.screenshots / f"web-{name}.png"
        file.write_bytes(base64.b64decode(taken["data"]))
        self.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        self.prefer("light")
        print(f"screenshot: {file}", flush=True)

    def press(self, *keys):
        for key in keys:
            self.browser.switch_to.active_element.send_keys(key)

    def focused(self):
        return self.browser.execute_script(FOCUSED)

    def tab_to(self, text):
        """Presses Tab until a control has the focus; each on the way must show that it has it."""
        seen = []
        for _ in range(TABS):
            self.press(Keys.TAB)
            here = self.focused()
            if here["tag"] == "BODY":
                continue
            seen.append(here["text"])
            if not here["outlined"]:
                sys.exit(f"{here['tag']} {here['text']!r} has the focus and does not show it")
            if here["text"] == text:
                return
        sys.exit(f"Tab does not lead to {text!r}, only to {seen}")

    def clear_console(self):
        """Forgets what the console says of a refusal that was asked for."""
        self.browser.get_log("browser")

    def console_problems(self):
        return [entry["message"] for entry in self.browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def quiet(self, where):
        """Nothing stands in the console."""
        if found := self.console_problems():
            sys.exit(f"{where}: the console says {json.dumps(found, indent=2)}")

    def policy_holds(self):
        """Scripts that somebody brings into the page do not run, and the console says why."""
        self.quiet("before the policy is tried")
        if self.browser.execute_script(INJECT):
            sys.exit("a script that was put into the page has run: the content security policy does not hold")
        deadline = time.monotonic() + WAIT_SECONDS
        said = []
        while not any("Content Security Policy" in one for one in said):
            if time.monotonic() > deadline:
                sys.exit(f"the console does not say that the policy was violated: {said}")
            said += self.console_problems()
            time.sleep(0.05)
