"""Source: the client of the CBR API, and the only room that speaks HTTP.

``client`` lists and shows tasks and gives each record's exact bytes. Around it: signing in
(``sign_in``, ``iam``, ``signing``), trying again (``persistence``, ``retry``), not asking too much
(``throttle``), reading answers (``task_bodies``, ``json_slices``, ``error_body``) and telling failures
without secrets (``refusals``, ``redaction``). What to ask for is ``extract``'s business, what a record
means ``contract``'s. No type of the HTTP library leaves this room.
"""
