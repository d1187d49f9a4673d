"""The HTTP client against servers that answer well, badly, too much, too slowly, or not at all."""

from __future__ import annotations

import datetime as dt
import gzip
import socket
import ssl
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from creditledger.errors import FormatError, StoreError, UsageError
from creditledger.web import http as web_http
from creditledger.web.http import Client, Response
from creditledger.web.url import is_url, parse_url
from web.servers import (
    Handler,
    Server,
    answering,
    cut_short,
    drip,
    endless,
    endless_headers,
    garbage,
    hang_up,
    in_turn,
    serving,
    stall,
)

MOST = 20_000


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "file").write_bytes(b"content")
    with serving(tmp_path) as found:
        yield found


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setattr(web_http, "_FIRST_WAIT", 0.01)
    found = Client(timeout=20, attempts=2)
    yield found
    found.close()


@pytest.fixture
def hasty(client: Client) -> Iterator[Client]:
    """A client with little patience: for servers that try it on purpose, not for those that are merely busy."""
    found = Client(timeout=0.3, attempts=2)
    yield found
    found.close()


def test_a_file_is_fetched_over_one_connection(server: Server, client: Client) -> None:
    for _ in range(3):
        assert client.get(f"{server.url}/file", MOST).body == b"content"
    assert (server.asked["/file"], server.connections) == (3, 1)
    assert server.headers["User-Agent"].startswith("creditledger/")
    assert "gzip" in server.headers["Accept-Encoding"]


def test_each_thread_has_a_connection_of_its_own(server: Server, client: Client) -> None:
    found: list[bytes] = []
    for _ in range(2):
        thread = threading.Thread(target=lambda: found.append(client.get(f"{server.url}/file", MOST).body))
        thread.start()
        thread.join()
    assert (found, server.connections) == ([b"content"] * 2, 2)


def test_a_connection_that_the_server_closed_meanwhile_is_made_anew(server: Server, client: Client) -> None:
    one = Client(20, attempts=1)
    server.act["/file"] = in_turn(answering(200, b"one"), hang_up, answering(200, b"two"))
    found = [one.get(f"{server.url}/file", MOST).body, one.get(f"{server.url}/file", MOST).body]
    one.close()
    assert found == [b"one", b"two"]


def test_ipv6(tmp_path: Path, client: Client) -> None:
    (tmp_path / "file").write_bytes(b"six")
    with serving(tmp_path, socket.AF_INET6) as server:
        assert client.get(f"{server.url}/file", MOST).body == b"six"


@pytest.mark.parametrize("bad", [cut_short, hang_up, garbage, answering(503), answering(429), answering(500)])
def test_what_passes_is_tried_again(server: Server, client: Client, bad: object) -> None:
    server.act["/file"] = in_turn(bad, answering(200, b"at last"))  # type: ignore[arg-type]  # they are all of one kind
    assert client.get(f"{server.url}/file", MOST).body == b"at last"


@pytest.mark.parametrize("bad", [stall, drip, cut_short, hang_up, garbage])
def test_what_does_not_pass_is_given_up(server: Server, hasty: Client, bad: object) -> None:
    server.act["/file"] = bad  # type: ignore[assignment]  # they are all of one kind
    with pytest.raises(StoreError, match=r"/file cannot be fetched, tried 2 times"):
        hasty.get(f"{server.url}/file", MOST)
    assert server.asked["/file"] == 2


def test_errors_that_last_are_answers_in_the_end(server: Server, client: Client) -> None:
    server.act["/file"] = answering(503, b"closed", Retry_After="0")
    assert client.get(f"{server.url}/file", MOST)[::2] == (503, b"closed")
    assert client.get(f"{server.url}/none", MOST).status == 404


def test_nobody_there(client: Client) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        with pytest.raises(StoreError, match="ConnectionRefused"):
            client.get(url, MOST)
        with pytest.raises(StoreError, match="cannot be reached"):
            client.post(url, b"", MOST)


BOMB = answering(200, gzip.compress(bytes(20_000_000)), Content_Encoding="gzip")


@pytest.mark.parametrize("bad", [endless, BOMB, answering(200, bytes(MOST + 1))])
def test_more_than_expected_is_refused(server: Server, client: Client, bad: object) -> None:
    server.act["/file"] = bad  # type: ignore[assignment]  # they are all of one kind
    with pytest.raises(FormatError, match="expected"):
        client.get(f"{server.url}/file", MOST)
    assert server.asked["/file"] == 1


def test_headers_without_an_end_are_refused(server: Server, client: Client) -> None:
    server.act["/file"] = endless_headers
    with pytest.raises(FormatError, match="far more bytes"):
        client.get(f"{server.url}/file", MOST)


def test_as_much_as_expected_is_taken(server: Server, client: Client) -> None:
    body = bytes(range(256)) * 100
    server.act["/file"] = answering(200, body)
    assert client.get(f"{server.url}/file", len(body)).body == body
    server.act["/file"] = answering(200, gzip.compress(body[:99]) + gzip.compress(body[99:]), Content_Encoding="gzip")
    assert client.get(f"{server.url}/file", len(body)).body == body


@pytest.mark.parametrize(
    ("body", "encoding", "error"),
    [
        (b"no gzip at all", "gzip", FormatError),
        (gzip.compress(bytes(1000), mtime=0)[:-5], "gzip", StoreError),
        (zlib.compress(b"x"), "deflate", FormatError),
    ],
)
def test_encodings_that_do_not_hold(
    server: Server, client: Client, body: bytes, encoding: str, error: type[Exception]
) -> None:
    server.act["/file"] = answering(200, body, Content_Encoding=encoding)
    with pytest.raises(error):
        client.get(f"{server.url}/file", MOST)


def test_redirects_stay_with_the_same_origin(server: Server, client: Client, tmp_path: Path) -> None:
    server.act["/moved"] = answering(301, Location="/file")
    assert client.get(f"{server.url}/moved", MOST).body == b"content"
    server.act["/moved"] = answering(307, Location=f"{server.url}/file")
    assert client.get(f"{server.url}/moved", MOST).body == b"content"
    server.act["/round"] = answering(302, Location="/round")
    with pytest.raises(StoreError, match="redirects more than 5 times"):
        client.get(f"{server.url}/round", MOST)
    with serving(tmp_path) as other:
        server.act["/away"] = answering(302, Location=f"{other.url}/file")
        with pytest.raises(StoreError, match="another origin"):
            client.get(f"{server.url}/away", MOST)
        assert other.asked.total() == 0


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd", "gopher://x/", "", "//elsewhere.example/x", "elsewhere", "?query", "/a b",
        "/\\127.0.0.1/x", "/\x1b[31m", "/\xc2\x9b31m", "http://a:99999/", "/" + "a" * 3000,
    ],
)  # fmt: skip
def test_a_redirect_to_no_address_is_the_fault_of_the_place(server: Server, client: Client, location: str) -> None:
    server.act["/away"] = answering(302, Location=location)
    with pytest.raises(StoreError, match=r"/away redirects to .*, which is no address") as caught:
        client.get(f"{server.url}/away", MOST)
    assert server.asked["/away"] == 1
    assert str(caught.value).isascii()
    assert str(caught.value).isprintable()
    server.act["/away"] = answering(302)
    with pytest.raises(StoreError, match=r"/away redirects to nowhere, which is no address"):
        client.get(f"{server.url}/away", MOST)


@pytest.mark.parametrize(
    "line", [b"\x1b]0;owned\x07\x1b[5mPWN", b"HTTP/1.1 \x9b31m OK", b"HTTP/1.1 200\x1b[31m", b"HTTP/9\xc2\x9b 1"]
)
def test_what_a_server_says_cannot_steer_a_terminal(server: Server, client: Client, line: bytes) -> None:
    def shout(handler: Handler) -> None:
        handler.close_connection = True
        handler.wfile.write(line + b"\r\n\r\n")

    server.act["/file"] = shout
    with pytest.raises(StoreError, match="cannot be fetched") as caught:
        client.get(f"{server.url}/file", MOST)
    with pytest.raises(StoreError, match="cannot be reached") as posted:
        client.post(f"{server.url}/file", b"", MOST)
    for said in (str(caught.value), str(posted.value)):
        assert said.isascii()
        assert said.isprintable()


def test_an_encoding_is_told_in_printable_characters(server: Server, client: Client) -> None:
    server.act["/file"] = answering(200, b"x", Content_Encoding="\x1b[31m\x9b\xad")
    with pytest.raises(FormatError, match=r"\\x1b\[31m\\x9b\\xad.*not asked for") as caught:
        client.get(f"{server.url}/file", MOST)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("member", [b"", b"x"])
def test_gzip_data_of_a_few_members_is_taken_and_of_many_refused(server: Server, client: Client, member: bytes) -> None:
    server.act["/file"] = answering(200, gzip.compress(member) * 8, Content_Encoding="gzip")
    assert client.get(f"{server.url}/file", MOST).body == member * 8
    for many in (9, 900):
        server.act["/file"] = answering(200, gzip.compress(member) * many, Content_Encoding="gzip")
        with pytest.raises(FormatError, match="more than 8 members"):
            client.get(f"{server.url}/file", MOST)
    server.act["/file"] = answering(200, b"", Content_Encoding="gzip")
    assert client.get(f"{server.url}/file", MOST).body == b""


def test_a_post_is_sent_once_and_redirected_nowhere(server: Server, client: Client) -> None:
    server.act["/add"] = answering(307, Location="/file")
    assert client.post(f"{server.url}/add", b"body", MOST).status == 307
    server.act["/add"] = answering(500, b"no")
    assert client.post(f"{server.url}/add", b"more", MOST)[::2] == (500, b"no")
    server.act["/add"] = answering(409, b"7\n", Content_Type="text/x.tlog.size")
    found = client.post(f"{server.url}/add", b"", MOST)
    assert found == Response(409, found.headers, b"7\n")
    assert found.headers["content-type"] == "text/x.tlog.size"
    assert server.bodies == [b"body", b"more", b""]


def test_a_post_is_given_up_too(server: Server, hasty: Client) -> None:
    server.act["/add"] = stall
    with pytest.raises(StoreError, match=r"no answer within 0.3 s"):
        hasty.post(f"{server.url}/add", b"", MOST)
    assert server.asked["/add"] == 1


def test_certificates_are_verified(tmp_path: Path, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"secret")
    certificate = self_signed(tmp_path)
    with serving(tmp_path) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        url = f"https://localhost:{server.server_port}/file"
        with pytest.raises(StoreError, match="CERTIFICATE_VERIFY_FAILED"):
            client.get(url, MOST)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        trusting = Client(timeout=20, attempts=1)
        assert [trusting.get(url, MOST).body for _ in range(2)] == [b"secret"] * 2
        with pytest.raises(StoreError, match="CERTIFICATE_VERIFY_FAILED"):
            trusting.get(url.replace("localhost", "127.0.0.1"), MOST)
        trusting.close()


def self_signed(directory: Path) -> Path:
    """A certificate for `localhost` that nobody vouches for, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = directory / "certificate.pem"
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, *form) + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/", "file:///etc/passwd", "https://", "https://user:secret@example.org/", "http://a b/",
        "http://example.org/?q", "http://example.org/#f", "http://example.org:0/", "http://example.org:70000/",
        "http://exämple.org/", "http://example.org/\r\nX: y", "http://[::1/", "http://" + "a" * 3000, "HTTP://x y",
    ],
)  # fmt: skip
def test_what_is_no_address(client: Client, url: str) -> None:
    with pytest.raises(UsageError, match="not an address to fetch from"):
        client.get(url, MOST)


def test_addresses() -> None:
    assert parse_url("https://Example.org") == ("https", "example.org", 443, "/")
    assert parse_url("http://[2001:db8::1]:8080/a/b%20c") == ("http", "2001:db8::1", 8080, "/a/b%20c")
    assert [is_url(one) for one in ("http://x", "ftp://x", "/a/b", "c:/x", "dir", "x+y://")] == [
        True, True, False, False, False, True,
    ]  # fmt: skip
