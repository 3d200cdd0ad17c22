"""What stands in for hardware is packages of the system. Where they are not installed, the tests that need them are skipped by
name; with ``PARTITA_EXPECTS_DEVICES`` in the environment (as in ``.ci/run``) they fail.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXPECTED = bool(os.environ.get("PARTITA_EXPECTS_DEVICES"))


def _has_umockdev() -> bool:
    """Whether the system's own Python has the bindings of umockdev, and its preload is there."""
    if shutil.which("umockdev-wrapper") is None or not Path("/usr/bin/python3").exists():
        return False
    asking = ["/usr/bin/python3", "-c", "import gi; gi.require_version('UMockdev', '1.0')"]
    return subprocess.run(asking, capture_output=True, timeout=30, check=False).returncode == 0


def _needs(found: bool, what: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not found and not EXPECTED, reason=f"not installed: {what}")


needs_serial = _needs(
    os.name == "posix" and importlib.util.find_spec("serial") is not None, "pyserial, or there are no ptys"
)
needs_umockdev = _needs(
    _has_umockdev() and importlib.util.find_spec("serial") is not None,
    "umockdev (Debian: umockdev libumockdev0 gir1.2-umockdev-1.0 python3-gi)",
)
needs_bus = _needs(
    sys.platform == "linux"
    and shutil.which("dbus-daemon") is not None
    and importlib.util.find_spec("bleak") is not None,
    "dbus-daemon (Debian: dbus), or bleak",
)
