"""Receivers of alerts on this machine: an HTTP server and a small SMTP server, both over real sockets."""

import base64
import json
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast


@dataclass
class HttpReceiver:
    """What was posted, and how the next posts are answered."""

    url: str
    status: int = 204
    speaks_http: bool = True
    posted: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def receive_http() -> Iterator[HttpReceiver]:
    """A webhook; a post is kept only if it is answered with success."""
    receiver = HttpReceiver("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if not receiver.speaks_http:
                self.wfile.write(b"SSH-2.0-receiver\r\n")
                return
            if receiver.status < 300:
                receiver.posted.append(body)
            self.send_response(receiver.status)
            if 300 <= receiver.status < 400:
                self.send_header("Location", "/sign-in")
            self.end_headers()

        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: object) -> None: ...

    with _served(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        receiver.url = f"http://127.0.0.1:{port}/hook"
        yield receiver


@dataclass
class SmtpReceiver:
    """What was mailed, who signed in, and whether mails are refused for now."""

    port: int
    refuses: bool = False
    mails: list[EmailMessage] = field(default_factory=list)
    signed_in: list[tuple[str, str]] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)


class SmtpSession(socketserver.StreamRequestHandler):
    """What a client of ``smtplib`` says (RFC 5321), with STARTTLS and AUTH PLAIN."""

    receiver: SmtpReceiver
    certificate: tuple[str, str] | None

    def handle(self) -> None:
        self.encrypted = False
        self.say("220 receiver ready")
        while line := self.rfile.readline():
            verb, _, rest = line.decode().strip().partition(" ")
            if not self.answer(verb.upper(), rest):
                break
        self.connection.close()  # the server knows the one before STARTTLS

    def answer(self, verb: str, rest: str) -> bool:
        match verb:
            case "EHLO":
                starts_tls = ["250-STARTTLS"] if self.certificate and not self.encrypted else []
                self.say("250-receiver", *starts_tls, "250 AUTH PLAIN")
            case "STARTTLS":
                self.say("220 go ahead")
                self.encrypt()
            case "AUTH":
                _, user, password = base64.b64decode(rest.split()[1]).decode().split("\0")
                self.receiver.signed_in.append((user, password))
                self.say("235 signed in")
            case "MAIL" if self.receiver.refuses:
                self.say("451 try again later")
            case "MAIL" | "RCPT" | "RSET" | "NOOP":
                self.say("250 ok")
            case "DATA":
                self.say("354 go on")
                self.receiver.mails.append(self.read_mail())
                self.receiver.encrypted.append(self.encrypted)
                self.say("250 taken")
            case "QUIT":
                self.say("221 bye")
                return False
            case _:
                self.say("502 not known")
        return True

    def read_mail(self) -> EmailMessage:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        return cast("EmailMessage", message_from_bytes(b"".join(lines), policy=policy.default))

    def encrypt(self) -> None:
        assert self.certificate is not None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*self.certificate)
        self.connection = context.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
        self.encrypted = True

    def say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())


@contextmanager
def receive_mail(certificate: tuple[str, str] | None = None) -> Iterator[SmtpReceiver]:
    """An SMTP server.

    Args:
        certificate: Files of certificate and key, for STARTTLS; it is not offered without.
    """
    receiver = SmtpReceiver(0)
    session = type("Session", (SmtpSession,), {"receiver": receiver, "certificate": certificate})

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with _served(Server(("127.0.0.1", 0), session)) as port:
        receiver.port = port
        yield receiver


@contextmanager
def _served(server: socketserver.TCPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
