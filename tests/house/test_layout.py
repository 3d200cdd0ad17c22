"""The house rules that a machine can check. Each failure says what to do."""

from __future__ import annotations

import ast
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("events", "store", "actors", "simulations", "partita")
LINKED = ("events", "store", "actors", "simulations")
ORDER = {room: rank for rank, room in enumerate(ROOMS)}
"""Imports run from right to left only: a room imports its own rank or lower."""

WORLD = {
    "asyncio",
    "fcntl",
    "hid",
    "hidraw",
    "httpx",
    "bleak",
    "dbus_fast",
    "lmdb",
    "msvcrt",
    "multiprocessing",
    "os",
    "pyudev",
    "queue",
    "random",
    "secrets",
    "select",
    "selectors",
    "serial",
    "shutil",
    "signal",
    "socket",
    "ssl",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "trio",
    "usb",
    "uuid",
}
"""Modules that touch the clock, randomness, I/O or threads."""


NAMES_ONLY = {
    "actors/network/http.py": {"httpx"},  # the one place that takes httpx's names
    "actors/network/net_errors.py": {"socket", "ssl"},  # the classes of their errors
}
"""Files that take names from such a module and touch nothing with them."""

AROUND_A_SIMULATION = {
    "simulations/sweep.py": {"multiprocessing", "os", "signal", "threading", "time"},  # runs simulations in processes
    "simulations/audit.py": {"os", "random", "secrets", "threading", "time", "uuid"},  # takes the world away from them
}
"""Files of simulations/ that stand around a simulated world and not in it, with what they need of the real one."""

UNDER_TRIO = {
    "simulations/devices/waiting.py": {"trio"},  # deadlines at a device
    "simulations/internet/pipes.py": {"socket", "trio"},  # one direction of a line; the class of an error
    "simulations/internet/server.py": {"trio"},  # hosts, as tasks
    "simulations/internet/streams.py": {"trio"},  # lines below the live HTTP stack
    "simulations/trio_kernel.py": {"trio"},  # the live kernel
}
"""Simulations of what runs under trio: they do so in its virtual time, and open nothing."""


def sources(*rooms: str) -> Iterator[Path]:
    for room in rooms:
        for path in sorted((ROOT / room).rglob("*.py")):
            if not any((ROOT / room / part).is_symlink() for part in path.relative_to(ROOT / room).parts[:1]):
                yield path


def imports(path: Path) -> Iterator[tuple[int, str, bool]]:
    """Each import of a file: line, module, and whether it is for type checkers only."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, id(node) in typing_only
        elif isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
            yield node.lineno, node.module, id(node) in typing_only


def room_of(module: str) -> str | None:
    parts = module.split(".")
    if parts[0] != "partita":
        return None
    return parts[1] if len(parts) > 1 and parts[1] in LINKED else "partita"


def may_touch_the_world(path: Path) -> bool:
    inside = path.relative_to(ROOT)
    room = inside.parts[0]
    return (
        room in ("store", "partita")
        or inside.parts[:2] in (("actors", "kernel"), ("actors", "live_world"))
        or inside.parts[:3] in (("actors", "network", "transport"), ("actors", "devices", "drivers"))
        or (room == "actors" and path.name == "ports.py")
    )


def test_imports_run_one_way() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {module}: {room_of(module)} lies above {path.relative_to(ROOT).parts[0]};"
        " move what is needed down, or the caller up"
        for path in sources(*ROOMS)
        for line, module, _ in imports(path)
        if room_of(module) is not None and ORDER[room_of(module) or "partita"] > ORDER[path.relative_to(ROOT).parts[0]]
    ]
    assert not wrong, "\n".join(wrong)


def test_only_ports_the_kernel_the_store_and_the_face_touch_the_world() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {module}: let it in through a port (actors/*/ports.py)"
        for path in sources("events", "actors", "simulations")
        if not may_touch_the_world(path)
        for line, module, typing_only in imports(path)
        if module.split(".")[0] in WORLD
        and not typing_only
        and module.split(".")[0]
        not in {**NAMES_ONLY, **AROUND_A_SIMULATION, **UNDER_TRIO}.get(str(path.relative_to(ROOT)), ())
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("library", "importers"), [("httpx", {"actors/network/http.py"}), ("httpcore", set())])
def test_httpx_is_imported_by_one_module_and_httpcore_by_none(library: str, importers: set[str]) -> None:
    found = {
        str(path.relative_to(ROOT))
        for path in sources(*ROOMS)
        for _, module, _ in imports(path)
        if module.split(".")[0] == library
    }
    assert found == importers, "take httpx's names from partita.actors.network.http"


def test_capabilities_do_not_import_each_others_insides() -> None:
    """A capability shows its structures and pure questions; its tables and ports are its own."""
    shared = {"kernel", "replay", "session", "live_world", "recorded_world"}
    private = {"behavior", "ports", "carriers", "ledger", "storing"}
    allowed = {("network", "preferences")}  # the exchange asks which user agent holds when none was set
    wrong = []
    for path in sources("actors"):
        inside = path.relative_to(ROOT / "actors").parts
        if len(inside) < 2 or inside[0] in shared:
            continue
        for line, module, _ in imports(path):
            parts = module.split(".")
            if parts[:2] != ["partita", "actors"] or len(parts) < 4 or parts[2] in {*shared, inside[0]}:
                continue
            if parts[3] in private and (inside[0], parts[2]) not in allowed:
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {module}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("room", LINKED)
def test_a_bare_import_of_a_room_fails_and_says_how_to_import_it(room: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import {room}"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode != 0
    assert f"import partita.{room}" in done.stderr


@pytest.mark.parametrize("room", LINKED)
def test_the_rooms_are_linked_into_the_package(room: str) -> None:
    link = ROOT / "partita" / room
    assert link.is_symlink(), f"partita/{room} is a tracked link to ../{room}"
    assert link.readlink() == Path(f"../{room}")


def test_no_room_is_named_for_nothing() -> None:
    nothing = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}
    wrong = [str(path.relative_to(ROOT)) for path in sources(*ROOMS, "benchmarks") if path.stem in nothing]
    assert not wrong, f"name these for what they hold: {wrong}"


def test_no_file_has_grown_past_its_size() -> None:
    wrong = {
        str(path.relative_to(ROOT)): lines
        for path in sources(*ROOMS)
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 450
    }
    assert not wrong, f"each of these is really two rooms: {wrong}"


def tree() -> set[str]:
    """Every file of the package, by the name that it installs under."""
    found = set()
    for path in sources(*ROOMS):
        inside = path.relative_to(ROOT)
        found.add(str(inside) if inside.parts[0] == "partita" else f"partita/{inside}")
    told = {
        f"partita/{path.relative_to(ROOT)}"
        for path in (ROOT / "simulations").rglob("*")
        if path.suffix in (".json", ".md")
    }
    return found | told | {"partita/py.typed"}


def test_the_sdist_and_the_wheel_hold_every_file(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)],
        check=True,
        capture_output=True,
        timeout=300,
    )
    (sdist,) = tmp_path.glob("*.tar.gz")
    (wheel,) = tmp_path.glob("*.whl")
    with tarfile.open(sdist) as archive:
        packed = {"/".join(name.split("/")[1:]) for name in archive.getnames()}
    with zipfile.ZipFile(wheel) as archive:
        installed = {name for name in archive.namelist() if name.startswith("partita/")}
    assert installed == tree()
    for name in tree():
        inside = name.removeprefix("partita/")
        assert inside in packed or name in packed, f"the sdist lacks {name}"
    assert {name for name in packed if name.startswith("tests/") and name.endswith(".py")}
