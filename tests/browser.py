"""A real browser without a window, Debian's Chromium with its driver, for tests of the results page."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

_EVERY_CELL = """
const done = arguments[arguments.length - 1];
(async () => {
  const seen = [];
  for (const link of document.querySelectorAll(arguments[0])) {
    history.replaceState(null, "", location.pathname);
    const changed = new Promise((resolve) => addEventListener("hashchange", resolve, { once: true }));
    link.click();
    await changed;
    seen.push([link.dataset.cell, decodeURIComponent(location.hash.slice(1)),
      document.getElementById("panel-title")?.textContent, !document.getElementById("panel").hidden,
      document.activeElement.id]);
  }
  done(seen);
})();
"""
PROGRAMS = ("chromium", "chromedriver")


def require() -> None:
    """Skip where there is no browser, and say so; fail where there must be one."""
    if lacking := [name for name in PROGRAMS if not shutil.which(name)]:
        why = f"no browser on this machine ({', '.join(lacking)} not found): apt-get install chromium chromium-driver"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)


class Browser:
    """A browser on a page of this machine."""

    def __init__(self, page: Path, width: int = 1400, height: int = 1000) -> None:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium") or ""
        # As root, and where little memory is shared, it would not start.
        # It drops addresses that a page changes more than 200 times in ten seconds, as a test of every cell does.
        unhindered = "disable-ipc-flooding-protection"
        for argument in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "disable-gpu", unhindered):
            options.add_argument(f"--{argument}")
        options.add_argument(f"--window-size={width},{height}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
        # A busy machine may take long over hundreds of panels.
        self.driver.set_script_timeout(300)
        self.url = page.absolute().as_uri()
        self.requested: list[str] = []
        self.said: list[str] = []

    def open(self, cell: str = "") -> None:
        """Open the page anew, at the address of a cell."""
        self.driver.get("about:blank")
        self.driver.get(self.url + (f"#{quote(cell, safe='/()-._~+,:=')}" if cell else ""))
        self.listen()

    def run(self, script: str, *arguments: object) -> object:
        """What a script in the page returns."""
        return self.driver.execute_script(script, *arguments)

    def text(self, query: str) -> str:
        """The text of the first element that a query finds, shown or not."""
        return str(self.run("return document.querySelector(arguments[0]).textContent", query))

    def texts(self, query: str) -> list[str]:
        """The texts of all elements that a query finds."""
        return self.run("return [...document.querySelectorAll(arguments[0])].map((one) => one.textContent)", query)

    def panels(self, query: str = "td a[data-cell]") -> set[str]:
        """The cells of all links that a query finds: each is clicked, and must show its panel under its address."""
        seen = self.driver.execute_async_script(_EVERY_CELL, query)
        for name, address, title, shown, focused in seen:
            assert (address, title, shown, focused) == (name, name, True, "panel")
        return {name for name, *_ in seen}

    def obeys_the_keyboard(self, cell: str) -> None:
        """Assert that Enter opens a cell's panel, and that Escape closes it and leads back to the cell."""
        from selenium.webdriver.common.keys import Keys

        self.open()
        self.run("document.querySelector(`td a[data-cell='${arguments[0]}']`).focus()", cell)
        self.driver.switch_to.active_element.send_keys(Keys.ENTER)
        assert self.text("#panel-title") == cell
        self.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
        assert self.run("return document.getElementById('panel').hidden")
        assert self.driver.switch_to.active_element.get_attribute("data-cell") == cell
        assert "#" not in self.driver.current_url

    def was_quiet(self, *beside: Path) -> None:
        """Assert that nothing but the page itself and these files were asked for, and that the console said nothing."""
        self.listen()
        asked = {url.partition("#")[0] for url in self.requested if not url.startswith(("data:", "about:"))}
        assert asked == {self.url, *(path.absolute().as_uri() for path in beside)}
        assert self.said == []

    def shown(self, query: str) -> int:
        """How many of the elements that a query finds are to be seen."""
        return self.run(
            "return [...document.querySelectorAll(arguments[0])].filter((one) => one.checkVisibility()).length", query
        )

    @contextmanager
    def printed(self) -> Iterator[None]:
        """The page as it is on paper."""
        self.command("Emulation.setEmulatedMedia", media="print")
        self.run("dispatchEvent(new Event('beforeprint'))")
        yield
        self.run("dispatchEvent(new Event('afterprint'))")
        self.command("Emulation.setEmulatedMedia", media="")

    @contextmanager
    def without_scripts(self) -> Iterator[None]:
        """The page, opened anew, as one sees it who runs no JavaScript."""
        self.command("Emulation.setScriptExecutionDisabled", value=True)
        try:
            self.open()
            (theme,) = self.driver.find_elements("id", "theme")
            assert theme.get_attribute("hidden"), "no script ran"
            yield
        finally:
            self.command("Emulation.setScriptExecutionDisabled", value=False)

    def fits_a_narrow_screen(self, *cells: str) -> None:
        """Assert that of the page, at the addresses of these cells, only tables are wider than a telephone."""
        self.command("Emulation.setDeviceMetricsOverride", width=360, height=800, deviceScaleFactor=1, mobile=True)
        try:
            for cell in cells:
                self.open(cell)
                assert self.run("return document.documentElement.scrollWidth") <= 360
                assert self.run("return document.getElementById('panel').scrollWidth") <= 360
        finally:
            self.command("Emulation.clearDeviceMetricsOverride")

    def is_dark(self) -> bool:
        """Whether the page is light on dark."""
        colour = str(self.run("return getComputedStyle(document.body).backgroundColor"))
        return int(colour.partition("(")[2].partition(",")[0]) < 60

    def command(self, name: str, **values: object) -> dict:
        """A command of the browser's own protocol."""
        return self.driver.execute_cdp_cmd(name, values)

    def prefer(self, scheme: str) -> None:
        """Let the reader's system be ``light`` or ``dark``."""
        self.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def listen(self) -> None:
        """Note what was asked of the network, and what the console says."""
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self.requested.append(message["params"]["request"]["url"])
        self.said += [entry["message"] for entry in self.driver.get_log("browser")]


@contextmanager
def browser(page: Path, **size: int) -> Iterator[Browser]:
    """A browser that is closed in the end."""
    made = Browser(page, **size)
    try:
        yield made
    finally:
        made.driver.quit()
