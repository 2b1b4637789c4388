"""Error codes of failed tasks with the vendor's messages, and their relative frequencies."""

ERRORS = {
    "BackupService.0002": "Resources are being backed up.",
    "BackupService.1006": "Failed to import the backup replica.",
    "BackupService.2002": "The resource is being backed up. Restore it after the backup is complete.",
    "BackupService.2008": "Restoration is not allowed in the current ECS status.",
    "BackupService.4006": "Failed to migrate the backup in an intermediate status.",
    "BackupService.4007": "Failed to check the migration progress of other regions.",
    "BackupService.6114": "The used capacity of the vault exceeds the maximum capacity.",
    "BackupService.6125": "A backup task is in progress.",
    "BackupService.6129": "The maximum capacity of the destination vault has been reached.",
    "BackupService.6203": "Performing backups.",
    "BackupService.6204": "The backup cannot be deleted because it has been used to create an image.",
    "BackupService.6215": "Backup is not allowed in the current resource status.",
    "BackupService.6216": "The backup cannot be deleted because it is in use.",
    "BackupService.7003": "Backup is not allowed in the current disk status.",
    "BackupService.7100": "The server does not exist.",
    "BackupService.7101": "Backup is not allowed in the current server status.",
    "BackupService.7106": "Shared disks cannot be backed up.",
    "BackupService.7203": "The snapshot is not in the correct status.",
    "BackupService.8300": "Insufficient snapshot quota.",
    "BackupService.9910": "Unknown error.",
}
RANDOM_ERRORS = (("9910", 42), ("7203", 20), ("0002", 14), ("6125", 12), ("8300", 7), ("7003", 5))
MISCONFIGURATION_ERRORS = (("7101", 35), ("6215", 25), ("7003", 20), ("7106", 10), ("7100", 10))
COPY_ERRORS = (("4007", 40), ("1006", 30), ("6129", 20), ("4006", 10))
DELETE_ERRORS = (("6204", 50), ("6216", 35), ("6203", 15))
IMMEDIATE_ERRORS = ("6204", "6216")
"""Deletions that fail with these codes end at the moment they start."""

RESTORE_ERRORS = (("2008", 60), ("2002", 40))
VAULT_FULL = "6114"
INCIDENT_ERROR = "9910"


def error(number: str) -> tuple[str, str]:
    """Code and message of an error.

    Args:
        number: The code without its prefix ``BackupService.``.
    """
    code = f"BackupService.{number}"
    return code, ERRORS[code]
