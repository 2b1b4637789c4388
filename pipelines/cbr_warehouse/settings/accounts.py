"""The table ``[[accounts]]``: a credential that finds the projects of an account.

Which projects are found, and under which names, is decided in ``load.find_projects``.
"""

from fnmatch import fnmatchcase
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from cbr_warehouse.settings import source_fields
from cbr_warehouse.settings.auth_methods import AuthMethod, account_auth_problems, auth_method_of
from cbr_warehouse.settings.endpoints import ALLOWED_ENDPOINT, REGION, parse_endpoint
from cbr_warehouse.settings.field_types import (
    ALLOWED_ID,
    ALLOWED_NAME,
    ALLOWED_REFERENCE,
    ALLOWED_TEXT,
    REPORTED_ELSEWHERE,
    Anchor,
    Endpoint,
    ExistingFile,
    Id,
    Secret,
    TextOrReference,
    Timezone,
)
from cbr_warehouse.settings.values import Duration, Values

ALLOWED_ACCOUNT_NAME = ALLOWED_NAME.replace("63", "31")
ALLOWED_PATTERNS = (
    'a list of names of projects, in which * is any text and ? a character, such as ["eu-de_*"]'
)


def _parse_template(value: object) -> str:
    """An endpoint in which ``{region}`` may be the region's name."""
    if not isinstance(value, str):
        return parse_endpoint(value)
    # A name that no address has, so that the rest is checked as the address it will be.
    return parse_endpoint(value.replace(REGION, "region--name")).replace("region--name", REGION)


Pattern = Annotated[str, Field(min_length=1, max_length=128)]


class AccountSettings(Values):
    """One account of one cloud: an ``[[accounts]]`` table.

    Attributes:
        name: Its name, with which the names of its sources begin.
        iam_endpoint: Base URL of the IAM that is asked for the projects.
        endpoint: Base URL of CBR, perhaps with ``{region}``; None for what IAM says.
        regions: The regions whose projects are taken; empty for all.
        include: Patterns of names of the projects that are taken.
        exclude: Patterns of names of projects that are not.
        history: As of a source, and so are all further attributes.
        settle: See there.
        max_requests_per_second: For each project.
        timezone: See there.
        day_anchor: See there.
        ca_bundle: For IAM too.
        enterprise_project_ids: See there.
        inventory: See there.
        inventory_every: See there.
        username: Authentication method 1, with the next two.
        password: See there.
        domain: See there.
        access_key: Authentication method 2, with the next.
        secret_key: See there.
        security_token: See there.
    """

    name: str = Field(
        pattern=r"\A[a-z0-9][a-z0-9-]{0,30}\z",
        description=ALLOWED_ACCOUNT_NAME,
    )
    iam_endpoint: Endpoint = Field(description=source_fields.ALLOWED_IAM_ENDPOINT)
    endpoint: Annotated[str, BeforeValidator(_parse_template)] | None = Field(
        None, description=f"{ALLOWED_ENDPOINT}; {REGION} in it is the region's name"
    )
    regions: tuple[Id, ...] = Field(
        (), strict=False, description=f'a list such as ["eu-de"], each the name of a region: {ALLOWED_ID}'
    )
    include: tuple[Pattern, ...] = Field(("*",), strict=False, description=ALLOWED_PATTERNS)
    exclude: tuple[Pattern, ...] = Field((), strict=False, description=ALLOWED_PATTERNS)
    history: Duration = source_fields.history()
    settle: Duration | None = source_fields.settle()
    max_requests_per_second: float | None = source_fields.max_requests_per_second()
    timezone: Timezone | None = source_fields.timezone()
    day_anchor: Anchor | None = source_fields.day_anchor()
    ca_bundle: ExistingFile | None = source_fields.ca_bundle()
    enterprise_project_ids: tuple[Id, ...] = source_fields.enterprise_project_ids()
    inventory: bool = source_fields.inventory()
    inventory_every: Duration = source_fields.inventory_every()
    username: TextOrReference | None = Field(None, description=ALLOWED_TEXT)
    password: Secret | None = Field(None, description=ALLOWED_REFERENCE)
    domain: TextOrReference | None = Field(None, description=ALLOWED_TEXT)
    access_key: Secret | None = Field(None, description=ALLOWED_REFERENCE)
    secret_key: Secret | None = Field(None, description=ALLOWED_REFERENCE)
    security_token: Secret | None = Field(None, description=ALLOWED_REFERENCE)

    @model_validator(mode="after")
    def _check_auth(self) -> Self:
        given = {key for key, value in self if value is not None}
        for _, wrong in account_auth_problems(given):
            raise PydanticCustomError(REPORTED_ELSEWHERE, "{wrong}", {"wrong": wrong})
        return self

    @property
    def auth_method(self) -> AuthMethod:
        """The authentication method that is configured."""
        return auth_method_of({key for key, value in self if value is not None} - {"iam_endpoint"})

    def takes(self, project: str, region: str) -> bool:
        """Whether a project is loaded.

        Args:
            project: Its name.
            region: The region it is in.
        """
        is_of_region = not self.regions or region in self.regions
        is_included = any(fnmatchcase(project, pattern) for pattern in self.include)
        return is_of_region and is_included and not any(fnmatchcase(project, one) for one in self.exclude)

    def endpoint_in(self, region: str) -> str | None:
        """The configured address of CBR in a region; None where IAM says it."""
        return None if self.endpoint is None else self.endpoint.replace(REGION, region)
