"""The guides' code is run, block after block, as a reader would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from servers.loopback import LoopbackServer, sends

ROOT = Path(__file__).resolve().parents[2]
GUIDES = [
    path for path in sorted((ROOT / "docs" / "guides").glob("*.md")) if "```python" in path.read_text(encoding="utf-8")
]


FILE = re.compile(r"# (\w+\.py)(?:: (class \w+|more))?\n")
"""A block that begins so is a file of the reader's: whole, from that class on, or at its end."""


def blocks(path: Path, *languages: str) -> list[str]:
    fence = rf"^```(?:{'|'.join(languages)})\n(.*?)^```"
    return re.findall(fence, path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def program(path: Path) -> str:
    return "\n".join(block for block in blocks(path, "python") if not FILE.match(block))


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_the_code_of_the_guide_runs(guide: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with LoopbackServer() as server:
        server.on("/login", sends(status=302, headers=[("Location", "/home"), ("Set-Cookie", "sid=1; Max-Age=600")]))
        server.on("/home", sends(b"home"))
        server.on("/report", sends(b"figures" * 1000))
        server.on("/news", sends(b"news", headers=[("Cache-Control", "max-age=600")]))
        hint = ("Link", f"<{server.url('/')}>; rel=preconnect")
        server.on("/hinting", sends(headers=[("Content-Type", "text/html"), hint]))
        code = compile(program(guide), str(guide), "exec")
        exec(code, {"BASE": server.url(""), "folder": tmp_path, "__name__": "guide"})


def write(block: str, folder: Path) -> None:
    named = FILE.match(block)
    assert named is not None
    path, part = folder / named[1], named[2]
    before = path.read_text(encoding="utf-8") if part is not None else ""
    path.write_text(
        (before if part == "more" else before.partition(part or "\0")[0]) + "\n\n" + block, encoding="utf-8"
    )


def pytest_says(folder: Path, *arguments: str) -> tuple[int, str]:
    """What pytest says of the reader's files."""
    plugins = ["-p", "partita.pytest_plugin", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "--rootdir",
            str(folder),
            *plugins,
            *arguments,
            str(folder / "test_shop.py"),
        ],
        cwd=folder,
        env={
            **{name: value for name, value in os.environ.items() if name not in ("CI", "BUILD_NUMBER")},
            "PYTHONPATH": os.pathsep.join(sys.path[1:]),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTEST_ADDOPTS": "",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_shop_of_the_guide_breaks_where_it_says_so_and_is_mended(tmp_path: Path) -> None:
    told = iter(blocks(ROOT / "docs" / "guides" / "simulate.md", "text"))
    for block in blocks(ROOT / "docs" / "guides" / "simulate.md", "python"):
        named = FILE.match(block)
        if named is None:
            continue
        write(block, tmp_path)
        if named[0] == "# shop.py\n":
            continue  # its test comes next
        status, output = pytest_says(tmp_path)
        if named[1] == "shop.py":  # a mended one
            assert status == 0, output
            continue
        failure = next(told)
        missing = [line for line in failure.splitlines() if line not in output]
        assert status == 1
        assert not missing, "\n".join(["docs/guides/simulate.md says", *missing, "and pytest says", output])
        (seed,) = re.findall(r"--seed (\d+)", failure)
        assert pytest_says(tmp_path, "--seed", seed, "-k", failure.partition("::")[2].partition('"')[0])[0] == 1
    assert next(told, None) is None


def test_the_two_commands_of_the_readme_are_those_that_ci_runs() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"^```sh\n(.*?)\n```", readme, re.DOTALL | re.MULTILINE)
    assert commands[:2] == [
        "python -m pip install . && partita tour",
        "python -m pip install -e '.[test]' && python -m pytest -n auto",
    ]
    assert "grep -m 1 'python -m pytest' README.md" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_every_link_of_the_pages_leads_somewhere() -> None:
    broken = []
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert not broken, broken
