"""Connections that say nothing, or never end their headers, and bytes that are no HTTP."""

import json
from http import HTTPStatus

from uvicorn.protocols.http.auto import AutoHTTPProtocol

MAX_HEADERS = 64 << 10


class Protocol(AutoHTTPProtocol):
    """Uvicorn's, with two limits: headers come within `timeout_keep_alive`, and are small."""

    _timer, _received = None, 0

    def connection_made(self, transport) -> None:
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._busy():
            self._stop_watching()
            return
        self._received += len(data)
        if self._received > MAX_HEADERS:
            self._end(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the headers are too large")
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_watching()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        self._end(HTTPStatus.BAD_REQUEST, "this is no HTTP request")

    def _busy(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _watch(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self.timeout_keep_alive, self._late)

    def _stop_watching(self) -> None:
        self._received = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        if not self._busy():
            self._end(HTTPStatus.REQUEST_TIMEOUT, "the request did not come in time")

    def _end(self, status: HTTPStatus, message: str) -> None:
        if self.transport.is_closing():
            return
        body = json.dumps({"error": message})
        self.transport.write(
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n{body}".encode()
        )
        self.transport.close()
