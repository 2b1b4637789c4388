"""Why tasks fail: real error codes with their texts, and how often each is the cause."""

ERRORS = {
    "BackupService.0002": "Resources are being backed up.",
    "BackupService.1006": "Failed to import the replica.",
    "BackupService.2008": "The ECS status does not allow the restore.",
    "BackupService.4007": "The migration check failed.",
    "BackupService.6114": "The vault is over its capacity.",
    "BackupService.6125": "A backup task is in progress in the vault.",
    "BackupService.6204": "The backup status does not allow deletion.",
    "BackupService.6215": "The resource status does not allow the operation.",
    "BackupService.7003": "The disk status does not allow the backup.",
    "BackupService.7100": "The server does not exist.",
    "BackupService.7101": "The server status does not allow the backup.",
    "BackupService.7203": "The snapshot status is abnormal.",
    "BackupService.8300": "The snapshot quota is used up.",
    "BackupService.9910": "Unknown error.",
}
BY_CHANCE = (("9910", 42), ("7203", 20), ("0002", 14), ("6125", 12), ("8300", 7), ("7003", 5))
LASTING = (("7101", 35), ("6215", 25), ("7003", 30), ("7100", 10))


def error(number: str) -> tuple[str, str]:
    """Code and text of an error."""
    code = f"BackupService.{number}"
    return code, ERRORS[code]
