"""A child that downloads until it is killed, or until all has come.

    downloading.py DATA_DIR PARTITION FOLDER SEGMENTS URL...

What an earlier life has begun it resumes, what nobody has begun it begins. It says ``open``, then ``came NUMBER BYTES`` whenever
a download has come further, in this life's bytes, then ``end STATE...`` in the order of the URLs.
"""

from __future__ import annotations

import sys
from functools import partial

from durability.children import say

from partita.downloads import DownloadItem, DownloadUpdated
from partita.session import Session
from partita.system import System


def begun(session: Session, urls: list[str], segments: int) -> list[DownloadItem]:
    """The download of each URL, on its way."""
    items = {item.get_url_chain()[0]: item for item in session.downloads()}
    announced = {url: session.download_url(url, segments=segments) for url in urls if url not in items}
    for item in items.values():
        if item.can_resume():
            item.resume()
    items |= {url: future.get() for url, future in announced.items()}
    return [items[url] for url in urls]


def tell(number: int, item: DownloadItem, event: DownloadUpdated) -> None:
    say("came", number, item.get_received_bytes())


def main() -> None:
    data_dir, name, folder, segments, *urls = sys.argv[1:]
    with System(data_dir=data_dir) as system:
        session = system.from_partition(name)
        session.set_download_path(folder)
        session.on("will-download", lambda event: None)
        say("open")
        items = begun(session, urls, int(segments))
        for number, item in enumerate(items):
            item.on("updated", partial(tell, number, item))
        say("end", *(item.finished().get() for item in items))


if __name__ == "__main__":
    main()
