"""A child that has a thousand fetches under way at once, into the cache, until it is killed.

    fetching.py DATA_DIR PARTITION FIRST COUNT PORT...

It says ``open``, then ``came`` for every answer, then ``end``, and waits. Each body is checked against its URL.
"""

from __future__ import annotations

import sys

from durability.bodies import content_of, urls
from durability.children import heard, say

from partita.system import System


def main() -> None:
    data_dir, name, first, count, *ports = sys.argv[1:]
    with System(data_dir=data_dir) as system:
        session = system.from_partition(name)
        say("open")
        wanted = urls([int(port) for port in ports], int(first), int(count))
        futures = [(path, session.fetch(url)) for url, path in wanted]
        for path, future in futures:
            assert future.get().content == content_of(path), path
            say("came")
        say("end")
        heard()


if __name__ == "__main__":
    main()
