"""Bodies of IAM's lists: projects, regions, services and endpoints, as documented. None has pages."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

from cbr_emulator.server.auth import DOMAIN_ID
from cbr_emulator.server.projects import REGIONS, Project

SERVICES = {"identity": "iam", "cbr": "cbr"}
"""Names of services by their type."""


def list_projects(base: str, projects: Sequence[Project]) -> dict[str, Any]:
    """KeystoneListAuthProjects: the projects that the user can access.

    Args:
        base: Base URL of IAM.
        projects: The projects.
    """
    ids = {project.name: project.id for project in projects}
    found = [
        {
            "id": project.id,
            "name": project.name,
            "description": "",
            "domain_id": DOMAIN_ID,
            # A region's own project belongs to the account, any other one in it to that project.
            "parent_id": DOMAIN_ID
            if project.region in {None, project.name}
            else ids.get(str(project.region), DOMAIN_ID),
            "is_domain": False,
            "enabled": True,
            "links": {"self": f"{base}/v3/projects/{project.id}"},
        }
        for project in projects
    ]
    return {"projects": found, "links": _links(f"{base}/v3/auth/projects")}


def list_regions(base: str) -> dict[str, Any]:
    """KeystoneListRegions: all regions of the cloud.

    Args:
        base: Base URL of IAM.
    """
    found = [
        {
            "id": region,
            "type": "public",
            "description": "",
            "parent_region_id": None,
            "locales": {"en-us": region},
            "links": {"self": f"{base}/v3/regions/{region}"},
        }
        for region in REGIONS
    ]
    return {"regions": found, "links": _links(f"{base}/v3/regions")}


def list_services(base: str, query: Mapping[str, str]) -> dict[str, Any]:
    """KeystoneListServices: the services of the cloud.

    Args:
        base: Base URL of IAM.
        query: The parameters: ``type``.
    """
    found = [
        {
            "id": _service_id(kind),
            "type": kind,
            "name": name,
            "enabled": True,
            "links": _links(f"{base}/v3/services/{_service_id(kind)}"),
        }
        for kind, name in SERVICES.items()
        if query.get("type", kind) == kind
    ]
    return {"services": found, "links": _links(f"{base}/v3/services")}


def list_endpoints(base: str, query: Mapping[str, str]) -> dict[str, Any]:
    """KeystoneListEndpoints: the addresses of services; the emulator answers for all regions at one.

    Args:
        base: Base URL of IAM.
        query: The parameters: ``service_id`` and ``interface``.
    """
    found = [
        {
            "id": _id(f"{kind} {region}"),
            "service_id": _service_id(kind),
            "region": region,
            "region_id": region,
            "interface": "public",
            "url": f"{base}/v3/$(tenant_id)s" if kind == "cbr" else f"{base}/v3",
            "enabled": True,
            "links": _links(f"{base}/v3/endpoints/{_id(f'{kind} {region}')}"),
        }
        for kind in SERVICES
        for region in REGIONS
        if query.get("service_id", _service_id(kind)) == _service_id(kind)
        if query.get("interface", "public") == "public"
    ]
    return {"endpoints": found, "links": _links(f"{base}/v3/endpoints")}


def _links(itself: str) -> dict[str, Any]:
    return {"self": itself, "previous": None, "next": None}


def _service_id(kind: str) -> str:
    return _id(f"service {kind}")


def _id(text: str) -> str:
    return blake2b(text.encode(), digest_size=16).hexdigest()
