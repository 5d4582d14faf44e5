"""The browser of the page tests: where it is, and how to get it on a Debian or Ubuntu machine."""

from __future__ import annotations

import os
import shutil
import subprocess

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PACKAGES = ("chromium", "fonts-dejavu-core")  # a bare machine has no font at all
FLAGS = (
    # A container has no user namespaces for the sandbox and a small /dev/shm; the pages opened are our own.
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    # Nothing but the page under test may use the network.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
ADVICE = (
    "No Chromium found, so the browser tests (marker e2e) are skipped. Install Chromium or Google Chrome with your "
    "system's package manager so that `chromium` or `google-chrome` is on the PATH, or set CHROMIUM to its full path."
)


def find_chromium() -> str | None:
    """Path of the browser named by the variable CHROMIUM, else of the first known name on the PATH, else None."""
    return next(filter(None, map(shutil.which, (os.environ.get("CHROMIUM", ""), *NAMES))), None)


def install_chromium() -> str | None:
    """Path of the browser, after an attempt to install it by apt-get where it is missing; None when that fails."""
    found = find_chromium()
    if found or not shutil.which("apt-get"):
        return found
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]  # -n: never wait for a password
    if root and not shutil.which("sudo"):
        return None
    environment = ["env", "DEBIAN_FRONTEND=noninteractive"]
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *PACKAGES]):
        if subprocess.run([*root, *environment, "apt-get", "-q", *command], check=False).returncode:
            return None
    return find_chromium()
