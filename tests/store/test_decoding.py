"""Types that several threads want to decode at the same moment, for the first time."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys, threading
from msgspec import defstruct
from partita.store.decoding import converted, decoder

sys.setswitchinterval(1e-6)
for round in range(100):
    inner = defstruct("Inner", [(f"field_{number}", "int | str | None", 1) for number in range(20)])
    outer = defstruct("Outer", [(f"field_{number}", inner) for number in range(5)])
    given = {f"field_{number}": {"field_0": 7} for number in range(5)}
    packed = bytes([0x85]) + b"".join(
        bytes([0xA7]) + f"field_{number}".encode() + bytes([0x81, 0xA7]) + b"field_0" + bytes([7]) for number in range(5)
    )
    together = threading.Barrier(4)
    came = []

    def decode():
        together.wait()
        came.append(decoder(outer).decode(packed))

    def convert():
        together.wait()
        came.append(converted(given, outer))

    threads = [threading.Thread(target=work) for work in (decode, convert, decode, convert)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(came) == 4 and all(one == came[0] and one.field_4.field_0 == 7 for one in came), came
"""


def test_a_type_is_looked_into_by_one_thread_at_a_time() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
