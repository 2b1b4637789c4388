"""Source: the client of the CBR API, and the only room that speaks HTTP.

One good page passes six files, in this order: ``client`` (builds the request, returns the page),
``retry`` (the attempts), ``session`` (one attempt: sign in, send, judge the status), ``rate_limit``
(its permit), ``transport`` (the HTTP exchange) and ``parse_response`` (the records' exact bytes).
Values they pass on: ``query``, ``http_messages``, ``page``; time and limits: ``runtime``.

Everything about retrying (which failures, which waits, how many attempts, the budget, Retry-After)
is in ``retry``. Signing in: ``auth``, ``iam_token``, ``signing``. Failures become sentences without
secrets in ``http_errors``, ``network_errors`` and ``redaction``. ``slice_json`` cuts damaged bodies.

What to ask for is decided in ``extract``; what a record means, in ``contract``. No type of the HTTP
library leaves this room.
"""
