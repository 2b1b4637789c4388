"""What the codes in the errors of S3 mean; every store may have codes of its own beside them."""

EXPIRED = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "InvalidToken", "RequestExpired"}
"""The credentials were valid once."""

SKEWED = {"RequestTimeTooSkewed"}
"""The clock of this machine is wrong."""
