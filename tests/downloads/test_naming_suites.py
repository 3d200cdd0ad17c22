"""The shared suites of Chromium's tests and of tc2231, for file names (`../shared/suites/README.md`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from partita.actors.downloads.disposition import parse_disposition
from partita.actors.downloads.naming import generated_filename, suggested_filename

SUITES: Final = Path(__file__).resolve().parents[3] / "shared" / "suites"


def cases(name: str) -> list[Any]:
    path = SUITES / f"{name}.json"
    if not path.is_file():
        reason = pytest.mark.skip(reason="the shared suites are not beside this checkout")
        return [pytest.param({}, id="not there", marks=reason)]
    found = json.loads(path.read_text("utf-8", "surrogateescape"))["cases"]
    return [pytest.param(case, id=str(number)) for number, case in enumerate(found)]


@pytest.mark.parametrize("case", cases("content_disposition"))
def test_a_disposition_is_read_as_others_read_it(case: dict[str, str]) -> None:
    found = parse_disposition(case["header"], case.get("referrer_charset", ""))
    assert found.filename == case["expected_filename"]
    if case["kind"] == "tc2231":
        assert found.kind == case["expected_type"].lower()


@pytest.mark.parametrize("case", cases("filename"))
def test_a_file_is_called_as_others_call_it(case: dict[str, str]) -> None:
    options = {
        "referrer_charset": case["referrer_charset"],
        "suggested": case["suggested_filename"],
        "default_name": case["default_filename"],
    }
    if case["kind"] == "selection":
        found = suggested_filename(case["url"], case["content_disp_header"], **options)
    else:
        found = generated_filename(case["url"], case["content_disp_header"], mime_type=case["mime_type"], **options)
    assert found == case["expected_filename"]
