"""The table ``[alerts]`` of the configuration."""

from typing import Annotated, Literal

from pydantic import Field

from cbr_warehouse.settings.field_types import (
    ALLOWED_ADDRESS,
    ALLOWED_REFERENCE,
    ALLOWED_TEXT,
    Secret,
    TextOrReference,
    span_above_zero,
)
from cbr_warehouse.settings.values import Duration, Values

Address = Annotated[str, Field(pattern=r"\A[^\s@<>,;\x00-\x1f]{1,64}@[A-Za-z0-9.-]{1,253}\z")]


class Alerts(Values):
    """Who is told of failures, and from when on: ``[alerts]``.

    Attributes:
        webhook: URL that alerts are posted to as JSON.
        mail_to: Addresses that alerts are sent to.
        mail_from: The sender; None for the first of ``mail_to``.
        smtp_host: Server that sends the mails.
        smtp_port: Its port.
        smtp_security: How the connection is encrypted.
        smtp_username: User of the server; None to send without signing in.
        smtp_password: Reference to the user's password.
        repeat: How long until a failure that lasts is reported again.
        newest_task: Age of the newest task from which backups may have stopped.
        unverified: How long a day may stay unverified.
        quarantined: How long a record may stay in quarantine.
        retention_left: How long before a day leaves the source it is reported that it is not complete.
    """

    webhook: TextOrReference | None = Field(
        None, description='a URL in quotes, or "env:NAME" or "file:PATH" where the URL itself is secret'
    )
    mail_to: tuple[Address, ...] = Field((), strict=False, description=f"a list, each {ALLOWED_ADDRESS}")
    mail_from: Address | None = Field(None, description=ALLOWED_ADDRESS)
    smtp_host: str = Field(
        "localhost", pattern=r"\A[A-Za-z0-9.:-]{1,253}\z", description="the name of a server, in quotes"
    )
    smtp_port: int = Field(587, ge=1, le=65535, description="a whole number from 1 to 65535, without quotes")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description='"starttls", "tls" or "none"'
    )
    smtp_username: TextOrReference | None = Field(None, description=ALLOWED_TEXT)
    smtp_password: Secret | None = Field(None, description=ALLOWED_REFERENCE)
    repeat: Duration = span_above_zero(hours=24)
    newest_task: Duration = span_above_zero(hours=26)
    unverified: Duration = span_above_zero(days=3)
    quarantined: Duration = span_above_zero(hours=24)
    retention_left: Duration = span_above_zero(days=4)
