"""Who may be called back, how a callback is signed, and where a connection goes."""

from __future__ import annotations

import base64
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatekeeper.callbacks.post import CallFailed, is_allowed, post
from gatekeeper.callbacks.signature import read_secrets, sign
from gatekeeper.contracts.callback_url import check_callback, host_of, parse_hosts, parse_url
from gatekeeper.domain.errors import InvalidConfiguration, InvalidRequest
from tests.receiver import Receiver, running_receiver

# The vector of the specification's reference libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SIGNED = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("text", "url", "host"),
    [
        ("https://Hooks.Example.com", "https://hooks.example.com/", "https://hooks.example.com"),
        ("https://a.example:443/x?y=1", "https://a.example/x?y=1", "https://a.example"),
        ("https://a.example:8443/x", "https://a.example:8443/x", "https://a.example:8443"),
        ("http://127.1:8080/x", "http://127.0.0.1:8080/x", "http://127.0.0.1:8080"),
        ("https://listed.example\\@a.example", "https://listed.example/@a.example", None),
        ("https://[::1]:9/x", "https://[::1]:9/x", "https://[::1]:9"),
    ],
)
def test_a_url_has_one_form(text: str, url: str, host: str | None) -> None:
    assert parse_url(text) == url
    assert host_of(url) == (host or "https://listed.example")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("https://user:word@a.example/", "leave user and password out"),
        ("https://listed.example@a.example/", "leave user and password out"),
        ("https://a.example/#x", "a fragment"),
        ("ftp://a.example/", "URL scheme should be 'http' or 'https'"),
        ("file:///etc/passwd", "URL scheme should be 'http' or 'https'"),
        ("a.example/x", "valid URL"),
    ],
)
def test_what_is_no_url_to_post_to_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_url(text)


def test_hosts_are_https_unless_http_is_written() -> None:
    listed = (
        "hooks.example.com, hooks.example.com:8443,http://airflow:8080,HTTPS://Hooks.example.com"
    )
    assert parse_hosts(listed) == (
        "https://hooks.example.com",
        "https://hooks.example.com:8443",
        "http://airflow:8080",
    )


@pytest.mark.parametrize(
    ("listed", "reason"),
    [
        ("", "empty host"),
        ("a.example,,b.example", "empty host"),
        ("a.example/x", "must be a host"),
        ("https://a.example/?x", "must be a host"),
        ("*.example", "must be a host"),
        ("ftp://a.example", "'http' or 'https'"),
    ],
)
def test_what_is_no_host_is_not_listed(listed: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_hosts(listed)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/",
        "https://hooks.example.com:8443/",
        "https://hooks.example.com.evil.example/",
        "https://evil.example/?https://hooks.example.com/",
    ],
)
def test_another_host_is_refused_with_the_field_and_the_remedy(url: str) -> None:
    hosts = parse_hosts("hooks.example.com")
    check_callback("https://hooks.example.com/any?where", hosts)
    check_callback(None, ())
    with pytest.raises(InvalidRequest, match="STRINGX_CALLBACK_HOSTS") as refused:
        check_callback(url, hosts)
    assert refused.value.field == "callback_url"


def test_a_signature_is_the_specification_s(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    secrets = read_secrets(tmp_path / "secret")
    body = b'{"test": 2432232314}'
    assert sign(secrets, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": SIGNED,
    }


def test_while_a_secret_is_changed_both_sign(tmp_path: Path) -> None:
    other = f"whsec_{base64.b64encode(b'x' * 32).decode()}"
    (tmp_path / "secret").write_text(f"{other}\n{SECRET}\n")
    headers = sign(
        read_secrets(tmp_path / "secret"),
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    first, second = headers["webhook-signature"].split(" ")
    assert first.startswith("v1,")
    assert first != second == SIGNED


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "holds no secret"),
        ("whsec_short", "24 to 64 random bytes"),
        (base64.b64encode(b"x" * 32).decode(), "must be whsec_"),
        ("whsec_" + "ü" * 40, "24 to 64 random bytes"),
        (None, "can't be read"),
    ],
)
def test_a_secret_that_is_none_is_refused_and_not_shown(
    tmp_path: Path, content: str | None, reason: str
) -> None:
    if content is not None:
        (tmp_path / "secret").write_text(content, "utf-8")
    with pytest.raises(InvalidConfiguration, match=reason) as refused:
        read_secrets(tmp_path / "secret")
    assert "STRINGX_CALLBACK_SECRET_FILE" in str(refused.value)
    assert not content or content not in str(refused.value)


def test_callbacks_without_a_secret_are_refused() -> None:
    with pytest.raises(InvalidConfiguration, match="STRINGX_CALLBACK_SECRET_FILE"):
        read_secrets(None)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "10.0.0.7", "127.0.0.1", "::1", "fd12::7", "::ffff:10.0.0.7"]
)
def test_a_listed_host_may_be_private(address: str) -> None:
    assert is_allowed(address)


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "fe80::1",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "100.100.100.200",
        "0.0.0.0",  # noqa: S104
        "::",
        "224.0.0.1",
        "ff02::1",
    ],
)
def test_no_receiver_has_such_an_address(address: str) -> None:
    assert not is_allowed(address)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as receiver:
        yield receiver


def test_what_is_posted_arrives_as_it_is(receiver: Receiver) -> None:
    post(f"{receiver.host}/a/b?c=d", b"{}", {"webhook-id": "1"})
    (posted,) = receiver.posted
    assert (posted.path, posted.body) == ("/a/b?c=d", b"{}")
    assert posted.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert posted.headers["webhook-id"] == "1"


@pytest.mark.parametrize("status", [301, 307, 308, 400, 410, 500])
def test_any_other_answer_than_success_is_a_failure_and_no_redirect_is_followed(
    receiver: Receiver, status: int
) -> None:
    receiver.status = status
    with pytest.raises(CallFailed, match=f"it answered {status}"):
        post(f"{receiver.host}/", b"{}", {})
    assert [each.path for each in receiver.posted] == ["/"]


def test_a_receiver_on_one_of_a_name_s_addresses_is_found(receiver: Receiver) -> None:
    post(f"http://localhost:{receiver.port}/", b"{}", {})
    assert receiver.posted[0].headers["host"] == f"localhost:{receiver.port}"


def test_nobody_there_is_a_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(CallFailed, match="can't be reached"):
        post(f"http://127.0.0.1:{port}/", b"{}", {})
    for name in ("nowhere.invalid", f"{'a' * 64}.invalid"):
        with pytest.raises(CallFailed, match="isn't known"):
            post(f"https://{name}/", b"{}", {})


def test_an_address_that_is_never_called_is_not_called() -> None:
    with pytest.raises(CallFailed, match=r"169\.254\.169\.254, which is never called"):
        post("http://169.254.169.254/latest/meta-data", b"{}", {})


def test_something_that_speaks_no_http_is_a_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        port = server.getsockname()[1]

        def talk() -> None:
            connection, _ = server.accept()
            connection.recv(1000)
            connection.sendall(b"220 mail.example ESMTP\r\n")
            connection.close()

        talker = threading.Thread(target=talk)
        talker.start()
        with pytest.raises(CallFailed, match="didn't answer"):
            post(f"http://127.0.0.1:{port}/", b"{}", {})
        talker.join()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for localhost, with its key in the same file."""
    path = tmp_path / "localhost.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(path), "-out", str(tmp_path / "public.pem")),
        ],
        check=True,
        capture_output=True,
    )
    with path.open("a") as both:
        both.write((tmp_path / "public.pem").read_text())
    return path


def test_over_https_the_certificate_is_the_host_s(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with running_receiver(context) as receiver:
        with pytest.raises(CallFailed, match="SSLError"):
            post(f"https://localhost:{receiver.port}/unknown", b"{}", {})
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.parent / "public.pem"))
        post(f"https://localhost:{receiver.port}/known", b"{}", {})
        with pytest.raises(CallFailed, match="SSLError"):
            post(f"https://127.0.0.1:{receiver.port}/other-name", b"{}", {})
        assert [each.path for each in receiver.posted] == ["/known"]
        assert receiver.posted[0].headers["host"] == f"localhost:{receiver.port}"
