"""Delivers alerts: a webhook that takes JSON, and mail. Which alerts there are is decided in ``log``."""

import hashlib
import http.client
import json
import smtplib
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from email.message import EmailMessage
from typing import Protocol
from urllib.parse import urlsplit

from pydantic import SecretStr

from cbr_warehouse.alerts.log import Alert, AlertLog, Undelivered
from cbr_warehouse.errors import AlertError, SettingsError
from cbr_warehouse.settings.alerts import Alerts
from cbr_warehouse.settings.resolve_credentials import resolve_text

TIMEOUT_SECONDS = 10.0
"""Of one step of a connection: Dagster ends a tick of a sensor after a minute."""

BUDGET_SECONDS = 25.0
"""Nothing more is sent in a tick after this: one that is ended stores no cursor, and would send all again."""


class Channel(Protocol):
    """A way to reach people."""

    @property
    def name(self) -> str:
        """Its name in the log, which stays the same."""

    def send(self, alert: Alert) -> None:
        """Delivers an alert.

        Raises:
            AlertError: The receiver did not take it.
        """


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Makes a redirect an error: it would be followed by a GET, whose success delivers nothing."""

    def redirect_request(self, *args: object, **keys: object) -> None:
        """Follows none."""


@dataclass(frozen=True)
class Webhook:
    """Posts alerts to a URL.

    Attributes:
        url: The URL; it may be secret and is in no message.
        name: Name of the channel.
    """

    url: SecretStr
    name: str = "webhook"

    def send(self, alert: Alert) -> None:
        """Posts an alert; any status below 300 means that it was taken."""
        body = json.dumps(asdict(alert) | {"text": f"{alert.title}\n{alert.text}"}, ensure_ascii=False)
        request = urllib.request.Request(  # noqa: S310  the scheme was checked
            self.url.get_secret_value(), body.encode(), {"Content-Type": "application/json"}, method="POST"
        )
        opener = urllib.request.build_opener(_NoRedirects)
        try:
            with opener.open(request, timeout=TIMEOUT_SECONDS):
                return
        except urllib.error.HTTPError as error:
            error.close()
            raise AlertError(f"The webhook did not take an alert: status {error.code}.") from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or type(error).__name__
            raise AlertError(f"The webhook did not take an alert: {reason}.") from None


@dataclass(frozen=True)
class Mail:
    """Sends alerts as mails.

    Attributes:
        host: The server.
        port: Its port.
        security: ``starttls``, ``tls`` or ``none``.
        sender: Address of the sender.
        receivers: Addresses of the receivers.
        username: User of the server; None to send without signing in.
        password: The user's password.
        name: Name of the channel.
    """

    host: str
    port: int
    security: str
    sender: str
    receivers: tuple[str, ...]
    username: str | None = None
    password: SecretStr | None = None
    name: str = "mail"

    def send(self, alert: Alert) -> None:
        """Sends an alert to all receivers."""
        try:
            with self._connect() as server:
                if self.security == "starttls":
                    server.starttls(context=ssl.create_default_context())
                if self.username is not None:
                    server.login(self.username, self._secret)
                server.send_message(self._message(alert))
        except (OSError, smtplib.SMTPException, ValueError) as error:
            said = f"{type(error).__name__}: {error}"
            if self._secret:
                said = said.replace(self._secret, "***")
            raise AlertError(f"{self.host}:{self.port} did not take a mail: {said}") from None

    @property
    def _secret(self) -> str:
        return "" if self.password is None else self.password.get_secret_value()

    def _connect(self) -> smtplib.SMTP:
        if self.security == "tls":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT_SECONDS, context=context)
        return smtplib.SMTP(self.host, self.port, timeout=TIMEOUT_SECONDS)

    def _message(self, alert: Alert) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self.sender
        message["To"] = ", ".join(self.receivers)
        message["Subject"] = " ".join(f"[cbr-warehouse] {alert.title}".split())
        # The same for the same alert: a mail program shows one that was sent twice once.
        digest = hashlib.sha256(json.dumps(asdict(alert)).encode()).hexdigest()[:32]
        message["Message-ID"] = f"<{digest}@cbr-warehouse>"
        facts = "".join(f"{name}: {value}\n" for name, value in alert.facts.items())
        message.set_content(f"{alert.text}\n\n{facts}found at: {alert.at}\n")
        return message


def open_channels(settings: Alerts, environ: Mapping[str, str]) -> tuple[Channel, ...]:
    """The channels that are configured.

    Args:
        settings: The table ``[alerts]``.
        environ: The environment, where secrets are.

    Raises:
        SettingsError: A secret cannot be had, or the webhook is no URL.
    """
    channels: list[Channel] = []
    if settings.webhook is not None:
        url = resolve_text("alerts.webhook", settings.webhook, environ)
        if urlsplit(url).scheme not in {"http", "https"}:
            raise SettingsError("alerts.webhook: not a URL that begins with https:// or http://.")
        channels.append(Webhook(SecretStr(url)))
    if settings.mail_to:
        username, password = settings.smtp_username, settings.smtp_password
        channels.append(
            Mail(
                settings.smtp_host,
                settings.smtp_port,
                settings.smtp_security,
                settings.mail_from or settings.mail_to[0],
                settings.mail_to,
                username if username is None else resolve_text("alerts.smtp_username", username, environ),
                None
                if password is None
                else SecretStr(resolve_text("alerts.smtp_password", password, environ)),
            )
        )
    return tuple(channels)


def deliver(
    log: AlertLog, channels: Sequence[Channel], monotonic: Callable[[], float] = time.monotonic
) -> tuple[AlertLog, tuple[str, ...]]:
    """Delivers what is undelivered, oldest first; a channel that fails is not tried again this time.

    What is not reached within ``BUDGET_SECONDS`` stays undelivered.

    Args:
        log: The log.
        channels: The channels. An alert for one that is not configured any more is dropped.
        monotonic: Returns seconds of a clock that never goes back.

    Returns:
        The log without what was delivered, and why channels failed.
    """
    failed: dict[str, str] = {}
    left: list[Undelivered] = []
    by_name = {channel.name: channel for channel in channels}
    end = monotonic() + BUDGET_SECONDS
    for one in log.undelivered:
        waiting = [
            name
            for name in one.channels
            if name in by_name and (monotonic() >= end or not _sent(by_name[name], one.alert, failed))
        ]
        if waiting:
            left.append(replace(one, channels=tuple(waiting)))
    return replace(log, undelivered=tuple(left)), tuple(failed.values())


def _sent(channel: Channel, alert: Alert, failed: dict[str, str]) -> bool:
    if channel.name in failed:
        return False
    try:
        channel.send(alert)
    except AlertError as error:
        failed[channel.name] = str(error)
        return False
    return True
