"""A child that uses a system and ends without closing anything: ``leaving.py DATA_DIR``."""

from __future__ import annotations

import sys

from durability.children import say

from partita.system import System


def main() -> None:
    session = System(data_dir=sys.argv[1]).from_partition("persist:left")
    session.cookies.set(url="https://left.example/", name="a", value="b", expiration_date=4e9).get(30)
    say("acknowledged")
    session.set_download_path("/said/last")


if __name__ == "__main__":
    main()
