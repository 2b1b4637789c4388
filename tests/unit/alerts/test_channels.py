"""Alerts over real connections: encrypted mails, receivers that refuse, and secrets that stay secret."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from pydantic import SecretStr

from cbr_warehouse.alerts.channels import Mail, Webhook, deliver, open_channels
from cbr_warehouse.alerts.log import Alert, AlertLog, Undelivered
from cbr_warehouse.errors import AlertError, SettingsError
from cbr_warehouse.settings.alerts import Alerts
from cbr_warehouse.settings.model import Settings
from support.alert_receivers import SmtpReceiver, receive_http, receive_mail
from support.own_certificate import write_certificate

ALERT = Alert(
    "a check", "failing", "It fails\nas planted", "Do this.", "2026-11-28T12:00:00+00:00", {"run": "7"}
)
SECRET = "a-secret-word"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The files of a certificate and of its key: the same one."""
    path = str(write_certificate(tmp_path_factory.mktemp("tls")))
    return path, path


@pytest.fixture
def receiver(certificate: tuple[str, str]) -> Iterator[SmtpReceiver]:
    with receive_mail(certificate) as receiver:
        yield receiver


def mail(port: int, security: str = "starttls") -> Mail:
    return Mail("127.0.0.1", port, security, "cbr@x.org", ("ops@x.org",), "sender", SecretStr(SECRET))


def test_a_mail_is_encrypted_before_the_password_is_sent(
    receiver: SmtpReceiver, certificate: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", certificate[0])
    mail(receiver.port).send(ALERT)
    assert receiver.encrypted == [True]
    assert receiver.signed_in == [("sender", SECRET)]
    (message,) = receiver.mails
    assert message["Subject"] == "[cbr-warehouse] It fails as planted"
    assert (
        message.get_content().replace("\r\n", "\n")
        == "Do this.\n\nrun: 7\nfound at: 2026-11-28T12:00:00+00:00\n"
    )


def test_only_a_mail_that_is_sent_again_has_the_id_of_another() -> None:
    """A mail program shows one of two mails with one id, so each alert has an id of its own."""
    with receive_mail() as plain:
        # Two reasons of one problem, found in one tick.
        for alert in (ALERT, replace(ALERT, text="Do that."), replace(ALERT, state="recovered"), ALERT):
            Mail("127.0.0.1", plain.port, "none", "cbr@x.org", ("ops@x.org",), None, None).send(alert)
    first, other, recovered, again = (message["Message-ID"] for message in plain.mails)
    assert len({first, other, recovered}) == 3
    assert again == first


def test_a_server_that_nobody_vouches_for_gets_no_password(receiver: SmtpReceiver) -> None:
    with pytest.raises(AlertError, match="CERTIFICATE_VERIFY_FAILED"):
        mail(receiver.port).send(ALERT)
    assert receiver.signed_in == []


def test_a_server_without_encryption_gets_no_password() -> None:
    with receive_mail() as receiver:
        with pytest.raises(AlertError, match="did not take a mail"):
            mail(receiver.port).send(ALERT)
        assert receiver.signed_in == []


def test_no_message_about_a_webhook_has_its_url() -> None:
    with receive_http() as hook:
        hook.status = 403
        channel = Webhook(SecretStr(f"{hook.url}?key={SECRET}"))
        with pytest.raises(AlertError, match="status 403") as refused:
            channel.send(ALERT)
    with pytest.raises(AlertError, match="did not take an alert") as gone:
        channel.send(ALERT)
    for error in (refused, gone):
        assert SECRET not in f"{error.value} {error.value.__cause__} {channel!r}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_webhook_that_redirects_has_not_taken_the_alert(status: int) -> None:
    """Followed, it would be a GET of a page for signing in, and the alert lost with status 200."""
    with receive_http() as hook:
        hook.status = status
        with pytest.raises(AlertError, match=f"status {status}"):
            Webhook(SecretStr(hook.url)).send(ALERT)


def test_an_answer_that_is_not_http_is_a_refusal() -> None:
    with receive_http() as hook:
        hook.speaks_http = False
        with pytest.raises(AlertError, match="BadStatusLine"):
            Webhook(SecretStr(hook.url)).send(ALERT)


@pytest.mark.parametrize("url", [f"http://127.0.0.1:9/a {SECRET}", f"http://127.0.0.1:{SECRET}/hook"])
def test_a_url_that_cannot_be_requested_is_in_no_message(url: str) -> None:
    with pytest.raises(AlertError, match="InvalidURL") as error:
        Webhook(SecretStr(url)).send(ALERT)
    assert SECRET not in f"{error.value} {error.value.__cause__}"


def test_a_slow_receiver_gets_a_share_of_the_alerts_in_a_tick() -> None:
    """A tick that Dagster ends for its length stores no cursor: the next one would send all again."""
    elapsed = 0.0

    class Slow:
        name = "webhook"
        taken = 0

        def send(self, alert: Alert) -> None:
            nonlocal elapsed
            elapsed += 9
            self.taken += 1

    slow, log = Slow(), AlertLog(undelivered=(Undelivered(ALERT, ("webhook",)),) * 10)
    ticks = 0
    while log.undelivered:
        begun = elapsed
        log, failed = deliver(log, [slow], lambda: elapsed)
        assert (failed, elapsed - begun <= 40) == ((), True)
        ticks += 1
    assert (slow.taken, ticks > 1) == (10, True)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x.org/hook", "hook"])
def test_a_webhook_is_a_url_of_http(url: str) -> None:
    with pytest.raises(SettingsError, match=r"alerts\.webhook: not a URL"):
        open_channels(Alerts(webhook="env:HOOK"), {"HOOK": url})


def test_a_password_in_clear_is_refused() -> None:
    with pytest.raises(ValueError, match="plain text"):
        Settings.model_validate({"alerts": {"smtp_password": SECRET}})
