"""``partita fetch``: one request through a session, its body on stdout."""

import base64
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from partita.actors.network.http import Response
from partita.command.ending import WrongUsage
from partita.command.options import AsJson, DataDir
from partita.command.printing import print_json
from partita.command.sessions import Name, opened

FORM: Final = "application/x-www-form-urlencoded"


def fetch(
    url: Annotated[str, typer.Argument(metavar="URL", help="An absolute URL, http or https.")],
    *,
    partition: Name = None,
    method: Annotated[
        str | None,
        typer.Option("-X", "--method", help="GET, or POST with --data, unless told otherwise.", show_default=False),
    ] = None,
    header: Annotated[
        list[str] | None, typer.Option("-H", "--header", metavar="'NAME: VALUE'", show_default=False)
    ] = None,
    data: Annotated[
        str | None,
        typer.Option("-d", "--data", metavar="TEXT", help="A body; @FILE takes it from a file.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Where the body goes.", show_default=False)
    ] = None,
    include: Annotated[bool, typer.Option("-i", "--include", help="Print the head of the response as well.")] = False,
    timeout: Annotated[
        float | None, typer.Option("--timeout", metavar="SECONDS", min=0, help="For each wait.", show_default=False)
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Fetch a URL through a session, cookies and all.

    Prints the body. Any answer of a server is fine, also a 404: -i shows it. Exit status 1 when none came.
    """
    headers = [_header(line) for line in header or []]
    body = None if data is None else _body(data)
    if body is not None and not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", FORM))
    with opened(partition, data_dir) as session:
        response = session.fetch(
            url, method=method or ("GET" if body is None else "POST"), headers=headers, content=body, timeout=timeout
        ).get()
        session.flush().get()  # its cookies are kept when this has ended
    if output is not None:
        output.write_bytes(response.content)
    if as_json:
        print_json(_response_to_plain(response, with_body=output is None))
        return
    if include:
        sys.stdout.write(_head(response))
        sys.stdout.flush()
    if output is None:
        sys.stdout.buffer.write(response.content)
        sys.stdout.buffer.flush()


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not name.strip():
        raise WrongUsage(f"-H {line!r}: a header field is written 'Name: value'")
    try:
        value.encode("latin-1")
        name.encode("ascii")
    except UnicodeEncodeError:
        raise WrongUsage(f"-H {line!r}: a header field holds no such characters") from None
    return name.strip(), value.strip()


def _body(data: str) -> bytes:
    if not data.startswith("@"):
        return data.encode()
    if data == "@-":
        return sys.stdin.buffer.read()
    try:
        return Path(data[1:]).read_bytes()
    except OSError as error:
        raise WrongUsage(f"-d {data}: {error.strerror}") from None


def _head(response: Response) -> str:
    lines = [f"{response.http_version} {response.status_code} {response.reason_phrase}".rstrip()]
    lines += [f"{name.decode('latin-1')}: {value.decode('latin-1')}" for name, value in response.headers.raw]
    return "\n".join(lines) + "\n\n"


def _response_to_plain(response: Response, *, with_body: bool) -> dict[str, object]:
    """The body is ``body`` when it is UTF-8 text, else ``body_base64``."""
    plain: dict[str, object] = {
        "url": str(response.url),
        "status": response.status_code,
        "reason": response.reason_phrase,
        "http_version": response.http_version,
        "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in response.headers.raw],
    }
    if with_body:
        try:
            plain["body"] = response.content.decode()
        except UnicodeDecodeError:
            plain["body_base64"] = base64.b64encode(response.content).decode()
    return plain
