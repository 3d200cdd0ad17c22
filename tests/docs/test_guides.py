"""The guides' code is run, block after block, as a reader would."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from servers.loopback import LoopbackServer, sends

ROOT = Path(__file__).resolve().parents[2]
GUIDES = [
    path for path in sorted((ROOT / "docs" / "guides").glob("*.md")) if "```python" in path.read_text(encoding="utf-8")
]


def program(path: Path) -> str:
    return "\n".join(re.findall(r"^```python\n(.*?)^```", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE))


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_the_code_of_the_guide_runs(guide: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with LoopbackServer() as server:
        server.on("/login", sends(status=302, headers=[("Location", "/home"), ("Set-Cookie", "sid=1; Max-Age=600")]))
        server.on("/home", sends(b"home"))
        server.on("/report", sends(b"figures" * 1000))
        code = compile(program(guide), str(guide), "exec")
        exec(code, {"BASE": server.url(""), "folder": tmp_path, "__name__": "guide"})


def test_the_two_commands_of_the_readme_are_those_that_ci_runs() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"^```sh\n(.*?)\n```", readme, re.DOTALL | re.MULTILINE)
    assert commands[:2] == [
        "python -m pip install . && partita tour",
        "python -m pip install -e '.[test]' && python -m pytest",
    ]
    assert "grep -m 1 'pytest$' README.md" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_every_link_of_the_pages_leads_somewhere() -> None:
    broken = []
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert not broken, broken
