"""A headless Chromium, driven by selenium; it reaches nothing beyond this machine."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from selenium import webdriver
from selenium.common.exceptions import WebDriverException

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--hide-scrollbars", "--disable-dev-shm-usage"),
)


class BrowserUnavailableError(Exception):
    """Chromium can't be had here; the message says why."""


@contextlib.contextmanager
def browser(width: int = 1000, height: int = 1400) -> Iterator[webdriver.Chrome]:
    """Start a Chromium with a profile of its own, and stop it.

    Raises:
        BrowserUnavailableError: It is not installed, or does not start.
    """
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    driver = shutil.which("chromedriver")
    if found is None or driver is None:
        raise BrowserUnavailableError("no chromium with chromedriver; on Debian: apt install chromium-driver")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = found
        for flag in (*_FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})  # type: ignore[no-untyped-call]
        # It speaks to its driver on loopback, past any proxy.
        proxies = {"no_proxy": "127.0.0.1,localhost", "NO_PROXY": "127.0.0.1,localhost"}
        before = {name: os.environ.get(name) for name in proxies}
        os.environ.update(proxies)
        try:
            running = webdriver.Chrome(options, webdriver.ChromeService(driver))
        except WebDriverException as error:
            raise BrowserUnavailableError(f"chromium does not start: {error.msg}") from error
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
        try:
            yield running
        finally:
            running.quit()


def show(running: webdriver.Chrome, page: Path, scheme: str = "light", width: int | None = None) -> None:
    """Load a file as somebody sees it who prefers this colour scheme, on a screen of this width."""
    told = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    running.execute_cdp_cmd("Emulation.setEmulatedMedia", told)
    size = {"width": width or 0, "height": 0, "deviceScaleFactor": 0, "mobile": False}
    running.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    running.get(page.absolute().as_uri())
