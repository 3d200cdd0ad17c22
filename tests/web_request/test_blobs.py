from __future__ import annotations

import gc

import pytest

import partita
from partita.actors.web_request.details import UploadData
from partita.blobs import LARGEST_BYTES, Blobs
from partita.errors import BlobUnavailable
from partita.web_request import Details, WebRequest

from .asking import ask, details

LARGE = bytes(range(256)) * 1024


def test_a_small_body_is_handed_around_as_it_is() -> None:
    blobs = Blobs()
    part = UploadData(type="rawData", bytes=bytes(LARGEST_BYTES))
    assert blobs.upload(part) is part
    assert len(blobs) == 0


@pytest.mark.parametrize("part", [UploadData(type="stream"), UploadData(type="file", file="/a")])
def test_what_has_no_bytes_stays_as_it_is(part: UploadData) -> None:
    assert Blobs().upload(part) is part


def test_a_large_body_goes_by_a_name_as_long_as_the_part_is_kept() -> None:
    blobs = Blobs()
    part = blobs.upload(UploadData(type="rawData", bytes=LARGE))
    assert part.type == "blob"
    assert part.bytes is None
    name = part.blob_uuid
    assert name is not None
    assert blobs.get(name).get() == LARGE
    assert blobs.get(name).get() == LARGE
    del part
    gc.collect()
    assert len(blobs) == 0
    with pytest.raises(BlobUnavailable, match=r"^Could not get blob data handle$"):
        blobs.get(name).get()


def test_each_showing_of_a_body_has_a_name_of_its_own() -> None:
    blobs = Blobs()
    parts = [blobs.upload(UploadData(type="rawData", bytes=LARGE)) for _ in range(3)]
    assert len({part.blob_uuid for part in parts}) == 3
    del parts[1:]
    gc.collect()
    assert len(blobs) == 1


@pytest.mark.parametrize("identifier", ["", "nothing", "b10bb10b-70a1-4e57-9a9c-0c5a4b6f0d1e"])
def test_an_unknown_name_is_rejected(identifier: str) -> None:
    with pytest.raises(BlobUnavailable):
        Blobs().get(identifier).get()


def test_a_name_is_text() -> None:
    with pytest.raises(TypeError, match="identifier"):
        Blobs().get(5)  # type: ignore[arg-type]


def test_a_listener_is_shown_the_name_and_can_ask_for_the_bytes(
    session: partita.Session, web_request: WebRequest
) -> None:
    kept: list[Details] = []
    web_request.on_before_request(kept.append)
    ask(session, "before_request", details(upload_data=(UploadData(type="rawData", bytes=LARGE),)))
    parts = kept[0].upload_data
    assert parts is not None
    (part,) = parts
    assert part.blob_uuid is not None
    assert session._system.blobs.get(part.blob_uuid).get() == LARGE
    del part, parts
    kept.clear()
    gc.collect()
    assert len(session._system.blobs) == 0
