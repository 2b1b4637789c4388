"""Keeping the HTTP library's own log fit to be read.

At DEBUG it prints the headers of answers, IAM's token among them.
"""

import logging

_LOGGERS = ("httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy", "httpcore.socks")
_EVENT = "receive_response_headers"


def keep_headers_out_of_logs() -> None:
    """Takes the headers out of what the HTTP library logs, once and for all of its loggers."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_leave_out_headers)  # a filter that is there is not added again


def _leave_out_headers(record: logging.LogRecord) -> bool:
    if _EVENT in str(record.msg):
        record.msg, record.args = f"{str(record.msg).split(' ', 1)[0]} (headers left out)", ()
    return True
