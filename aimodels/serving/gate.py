"""What stands before every request: limits of size and time, the token, the counts.

Plain ASGI: the body is read here, within its limits, before anything looks at it.
"""

import asyncio
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from aimodels.serving.servable import RequestError

OPEN = {"/", "/page.js", "/page.css", "/healthz", "/readyz"}  # need no token
PIECE = 64 << 10  # bytes of an answer that are sent at a time
DISCARDED = 256 << 20  # bytes of a refused body that are read, so that its sender hears why


@dataclass(frozen=True)
class Limits:
    """Of one request, and of all together.

    Attributes:
        body: bytes of a body.
        bodies: bytes of all bodies that are being read or computed.
        requests: number of requests at a time.
        read: seconds in which a body must be there.
        answer: seconds in which an answer must be computed.
        write: seconds in which a client must take each piece of an answer.
    """

    body: int = 16 << 20
    bodies: int = 128 << 20
    requests: int = 512
    read: float = 30.0
    answer: float = 60.0
    write: float = 30.0


class Gate:
    """An ASGI application around another one.

    Args:
        app: the application.
        limits: of requests.
        token: that a client must send as `Authorization: Bearer TOKEN`; none if None.
        local: whether only this machine is served: without a token, it then answers to this
            machine's own names only, since any site may let its name lead here.
        count: is told the path, status and seconds of each request.
    """

    def __init__(
        self,
        app,
        limits: Limits,
        token: str | None = None,
        local: bool = True,
        count: Callable[[str, int, float], None] = lambda path, status, seconds: None,
    ):
        self.app, self.limits, self.local, self.count = app, limits, local, count
        self.token = token.encode() if token else None
        self.requests = self.bytes = 0

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status, started = time.monotonic(), 500, False

        async def counted(message) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                status, started = message["status"], True
                message["headers"] = [*message["headers"], (b"x-content-type-options", b"nosniff")]
            for piece in _pieces(message):
                async with asyncio.timeout(self.limits.write):
                    await send(piece)

        self.requests += 1
        held = 0
        try:
            self._admit(scope)
            body = bytearray()
            async for part in self._body(scope, receive):
                held += len(part)
                self.bytes += len(part)
                body += part
                if len(body) > self.limits.body:
                    raise _too_large(self.limits.body)
                if self.bytes > self.limits.bodies:
                    raise RequestError(503, "too many large requests: try again later")
            await self.app(scope, _replay(bytes(body), receive), counted)
        except RequestError as error:
            self.bytes, held = self.bytes - held, 0
            await _refuse(scope, receive, counted, error, self.limits.read)
        except (TimeoutError, _GoneError):
            # The client takes nothing any more, or is gone: uvicorn closes the connection.
            if not started:
                await _respond(counted, RequestError(408, "the request took too long"), more=False)
            else:
                raise ConnectionAbortedError from None
        finally:
            self.requests -= 1
            self.bytes -= held
            self.count(scope["path"], status, time.monotonic() - began)

    def _admit(self, scope) -> None:
        """Raise unless the request may be looked at."""
        headers = dict(scope["headers"])
        if self.requests > self.limits.requests:
            raise RequestError(503, "too many requests at a time: try again later")
        host = headers.get(b"host", b"")
        known = _name(host) in (b"localhost", b"127.0.0.1", b"[::1]", b"")
        if self.local and not self.token and not known:  # a site whose name leads here
            raise RequestError(
                403, "this server answers to this machine's own names only: use 127.0.0.1"
            )
        origin = headers.get(b"origin")
        if origin is not None and origin.partition(b"://")[2] != host:
            raise RequestError(403, "pages of other sites may not use this server")
        if self.token and scope["path"] not in OPEN:
            scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
            right = hmac.compare_digest(given.strip(), self.token)  # in the same time, right or not
            if scheme.lower() != b"bearer" or not right:
                raise RequestError(401, "send the token: Authorization: Bearer TOKEN")
        if headers.get(b"content-encoding", b"identity") != b"identity":
            raise RequestError(415, "the body must not be compressed")
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length[:20]) > self.limits.body:
            raise _too_large(self.limits.body)

    async def _body(self, scope, receive):
        """The parts of the body, as they come within the time."""
        end = asyncio.get_running_loop().time() + self.limits.read
        more = scope["method"] not in ("GET", "HEAD") or _has_body(scope)
        while more:
            try:
                async with asyncio.timeout_at(end):
                    message = await receive()
            except TimeoutError:
                raise RequestError(
                    408, f"the body did not come within {self.limits.read:g} seconds"
                ) from None
            if message["type"] == "http.disconnect":
                raise _GoneError
            more = message.get("more_body", False)
            yield message.get("body", b"")


def _pieces(message):
    """A long body in several messages: uvicorn waits for the client between two of them only."""
    body = message.get("body", b"")
    if len(body) <= PIECE:
        yield message
        return
    for begin in range(0, len(body), PIECE):
        more = begin + PIECE < len(body) or message.get("more_body", False)
        yield {**message, "body": body[begin : begin + PIECE], "more_body": more}


class _GoneError(Exception):
    """The client left before its request was complete."""


def _has_body(scope) -> bool:
    return any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"])


def _name(host: bytes) -> bytes:
    """A host without its port."""
    name, colon, port = host.lower().rpartition(b":")
    return name if colon and port.isdigit() else host.lower()


def _too_large(limit: int) -> RequestError:
    return RequestError(413, f"the body is larger than {limit:,} bytes")


def _replay(body: bytes, receive):
    """The body as one message, then what comes after it: that the client is gone."""
    given = False

    async def again():
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def body_of(error: RequestError, path: str = "") -> bytes:
    """An error as JSON: TensorFlow Serving's form, or OpenAI's at its own paths."""
    if path.startswith("/v1/completions"):
        kind = "invalid_request_error" if error.status < 500 else "server_error"
        content = {"error": {"message": error.message, "type": kind, "param": None, "code": None}}
    else:
        content = {"error": error.message}
    return json.dumps(content).encode()


async def _respond(send, error: RequestError, more: bool, path: str = "") -> None:
    body = body_of(error, path)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    if error.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if error.status == 503:
        headers.append((b"retry-after", b"1"))
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def _refuse(scope, receive, send, error: RequestError, seconds: float) -> None:
    """Answer at once, and let the client finish: one that is cut off does not read the answer."""
    try:
        await _respond(send, error, more=True, path=scope["path"])
        if _has_body(scope) and error.status != 408:
            left = DISCARDED
            async with asyncio.timeout(seconds):
                while left > 0:
                    message = await receive()
                    left -= len(message.get("body", b""))
                    if message["type"] != "http.request" or not message.get("more_body"):
                        break
    except TimeoutError:
        pass
    await send({"type": "http.response.body", "body": b"", "more_body": False})
