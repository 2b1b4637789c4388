"""An httpx transport whose responses arrive as from a network: unread, byte for byte."""

import httpx


class ScriptedTransport(httpx.MockTransport):
    """Answers from a function; bodies are streamed and still encoded, as a connection delivers them."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The function's response, unread."""
        scripted = super().handle_request(request)
        return httpx.Response(scripted.status_code, headers=scripted.headers, stream=scripted.stream)
