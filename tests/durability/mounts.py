"""File systems that a test makes for itself: in a mount namespace of its own, so that they end with the process."""

from __future__ import annotations

import shutil
import subprocess
from typing import Final

import pytest

UNSHARE: Final = shutil.which("unshare") or ""
IN_OWN_NAMESPACE: Final = (UNSHARE, "--mount", "--propagation", "private")


def _can_mount() -> bool:
    command = [*IN_OWN_NAMESPACE, "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", "/mnt"]
    try:
        return bool(UNSHARE) and subprocess.run(command, timeout=30, check=False, capture_output=True).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


needs_mounts = pytest.mark.skipif(not _can_mount(), reason="mounting a file system of one's own takes root and unshare")
