"""The routes: TensorFlow Serving's REST form, OpenAI's completions, health, counts and the page."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from concurrent.futures import Future
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from aimodels.serving import completions, payload
from aimodels.serving.gate import Gate, Limits, body_of
from aimodels.serving.metrics import CONTENT_TYPE, Metrics
from aimodels.serving.models import Models, Version
from aimodels.serving.servable import RequestError, Servable, Tensor

PAGE = Path(__file__).parent / "page"
_IN_PLACE = 20_000  # bytes that are parsed while other requests wait; more, in a thread
_PAGE_HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' data: blob:",
    "cache-control": "no-cache",
}
_TYPES = {"float": "FLOAT", "double": "DOUBLE", "bool": "BOOL", "str": "STRING", "bytes": "STRING"}
_TYPES |= {"float32": "FLOAT", "float64": "DOUBLE", "float16": "HALF", "bfloat16": "BFLOAT16"}


class Server:
    """The application.

    Args:
        models: what is served; they may still be loading.
        limits: of requests.
        token: that clients must send; none if None.
        local: whether only this machine is served.
    """

    def __init__(
        self, models: Models, limits: Limits, token: str | None = None, local: bool = True
    ):
        self.models, self.limits = models, limits
        self.metrics, self.began = Metrics(models), int(time.time())
        self._large = asyncio.Semaphore(2)  # of large bodies, as Python's lists, few fit in memory
        routes = [
            Route("/", self._page),
            Route("/page.js", self._page),
            Route("/page.css", self._page),
            Route("/healthz", self._live),
            Route("/readyz", self._ready),
            Route("/metrics", self._metrics),
            Route("/v1/models", self._list),
            Route("/v1/completions", self._complete, methods=["POST"]),
        ]
        for prefix in ("/v1/models/{name}", "/v1/models/{name}/versions/{version}"):
            routes += [
                # the more special ones first: a name takes all but a slash
                Route(f"{prefix}:predict", self._predict, methods=["POST"]),
                Route(f"{prefix}/metadata", self._metadata),
                Route(prefix, self._status),
            ]
        handlers = {HTTPException: _on_http, RequestError: _on_request, Exception: _on_any}
        app = Starlette(routes=routes, exception_handlers=handlers)
        app.router.redirect_slashes = False
        self.app = Gate(app, limits, token, local, self.metrics.request)

    async def _page(self, request: Request) -> Response:
        name = request.url.path.strip("/") or "page.html"
        kind = {"html": "text/html", "js": "text/javascript", "css": "text/css"}[name.split(".")[1]]
        content = (PAGE / name).read_bytes()
        return Response(content, media_type=kind, headers=_PAGE_HEADERS)

    async def _live(self, request: Request) -> Response:
        return JSONResponse({"status": "live"})

    async def _ready(self, request: Request) -> Response:
        ready = self.models.ready
        states = {f"{v.name}/{v.number}": v.state for v in self.models}
        content = {"status": "ready" if ready else "not ready", "models": states}
        return JSONResponse(content, 200 if ready else 503)

    async def _metrics(self, request: Request) -> Response:
        return Response(self.metrics.text(), media_type=CONTENT_TYPE)

    async def _list(self, request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [*map(self._entry, self.models.versions)]})

    def _entry(self, name: str) -> dict:
        return {"id": name, "object": "model", "created": self.began, "owned_by": "aimodels"}

    async def _status(self, request: Request) -> Response:
        name, number = request.path_params["name"], _number(request)
        versions = self.models.named(name)
        if number is not None and number not in versions:
            self.models.version(name, number)  # says which there are
        rows = [
            {
                "version": str(version.number),
                "state": version.state,
                "status": {
                    "error_code": "UNKNOWN" if version.error else "OK",
                    "error_message": version.error,
                },
            }
            for version in reversed(versions.values())
            if number in (None, version.number)
        ]
        return JSONResponse({"model_version_status": rows, **self._entry(name)})

    async def _metadata(self, request: Request) -> Response:
        version = self._version(request)
        servable = version.servable
        signatures = {
            name: {
                "inputs": {key: _described(t, f"{name}_{key}") for key, t in inputs.items()},
                "outputs": {key: _described(t, f"{name}_{key}") for key, t in outputs.items()},
                "method_name": "tensorflow/serving/predict",
            }
            for name, (inputs, outputs, _) in servable.signatures.items()
        }
        spec = {"name": version.name, "signature_name": "", "version": str(version.number)}
        metadata = {
            "signature_def": {"signature_def": signatures},
            "aimodels": {
                "kind": servable.kind,
                "labels": list(servable.labels),
                "picture_shape": list(servable.picture.shape) if servable.picture else None,
            },
        }
        return JSONResponse({"model_spec": spec, "metadata": metadata})

    def _version(self, request: Request) -> Version:
        return self.models.version(request.path_params["name"], _number(request))

    async def _predict(self, request: Request) -> Response:
        version = self._version(request)
        servable: Servable = version.servable
        body = await request.body()
        asked = await self._apart(len(body), payload.parse, body, servable)
        outputs = await self._result(request, version.predict(asked))
        size = sum(value.nbytes for value in outputs.values())
        content = await self._apart(size, payload.answer, asked, outputs, servable)
        return Response(content, media_type="application/json")

    async def _result(self, request: Request, future: Future):
        """What a future gives, within the time, and while the client is there.

        Raises:
            RequestError: 504 if it takes too long, 499 if the client is gone.
        """
        answer = asyncio.wrap_future(future)
        gone = asyncio.create_task(request.receive())
        try:
            await asyncio.wait(
                {answer, gone}, timeout=self.limits.answer, return_when=asyncio.FIRST_COMPLETED
            )
            if answer.done():
                return answer.result()
            if gone.done():
                raise RequestError(499, "the client is gone")
            raise RequestError(504, f"no answer within {self.limits.answer:g} seconds")
        finally:
            answer.cancel()  # what still waits need not be computed
            gone.cancel()

    async def _apart(self, size: int, function, *arguments):
        """Call a function, in a thread if it has much to do."""
        if size < _IN_PLACE:
            return function(*arguments)
        async with self._large:
            return await asyncio.to_thread(function, *arguments)

    async def _complete(self, request: Request) -> Response:
        body = await request.body()
        asked = await self._apart(len(body), completions.parse, body, self._generator)
        version = self.models.version(asked.model)
        head = {
            "id": f"cmpl-{uuid.uuid4().hex}",
            "object": "text_completion",
            "created": int(time.time()),
            "model": asked.model,
        }
        if asked.stream:
            pieces = self._stream(version, asked, head)
            headers = {"cache-control": "no-cache"}
            return StreamingResponse(pieces, media_type="text/event-stream", headers=headers)
        try:
            written = [version.write(choice, asked.sampling) for choice in asked.choices]
            async with asyncio.timeout(self.limits.answer):
                for future in written:
                    await self._result(request, future)
        except TimeoutError:
            raise RequestError(504, f"no answer within {self.limits.answer:g} seconds") from None
        finally:
            self._end(asked)
        choices = [_choice(i, c.text, c.finish_reason) for i, c in enumerate(asked.choices)]
        return JSONResponse({**head, "choices": choices, "usage": _usage(asked)})

    def _end(self, asked: completions.Asked) -> None:
        for choice in asked.choices:
            choice.cancelled.set()
        self.metrics.tokens(asked.model, sum(len(choice.new_ids) for choice in asked.choices))

    def _generator(self, name: str):
        generator = self.models.version(name).servable.generator
        if generator is None:
            raise RequestError(400, f"{name} writes no text: use /v1/models/{name}:predict")
        return generator

    async def _stream(
        self, version: Version, asked: completions.Asked, head: dict
    ) -> AsyncIterator[bytes]:
        """Server-sent events: a piece of text each, the usage if asked for, and [DONE]."""
        loop, queue = asyncio.get_running_loop(), asyncio.Queue()

        def put(item) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(queue.put_nowait, item)

        try:
            for i, choice in enumerate(asked.choices):
                choice.tell = lambda piece, i=i: put((i, piece))
                future = version.write(choice, asked.sampling)
                future.add_done_callback(lambda done, i=i: put((i, done)))
            open_choices = len(asked.choices)
            async with asyncio.timeout(self.limits.answer):
                while open_choices:
                    i, item = await queue.get()
                    reason = None
                    if isinstance(item, Future):
                        item.result()
                        open_choices -= 1
                        item, reason = "", asked.choices[i].finish_reason
                    yield _event({**head, "choices": [_choice(i, item, reason)]})
            if asked.usage:
                yield _event({**head, "choices": [], "usage": _usage(asked)})
            yield b"data: [DONE]\n\n"
        except TimeoutError:
            late = RequestError(504, f"no answer within {self.limits.answer:g} seconds")
            yield b"data: " + body_of(late, "/v1/completions") + b"\n\n"
        except RequestError as error:
            yield b"data: " + body_of(error, "/v1/completions") + b"\n\n"
        finally:
            self._end(asked)


def _number(request: Request) -> int | None:
    """The version in the path."""
    text = request.path_params.get("version")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise RequestError(404, f"a version is a number; got {text[:80]!r}")
    return int(text)


def _choice(index: int, text: str, reason: str | None) -> dict:
    return {"text": text, "index": index, "logprobs": None, "finish_reason": reason}


def _usage(asked: completions.Asked) -> dict:
    written = sum(len(choice.new_ids) for choice in asked.choices)
    return {
        "prompt_tokens": asked.prompt_tokens,
        "completion_tokens": written,
        "total_tokens": asked.prompt_tokens + written,
    }


def _event(content: dict) -> bytes:
    return b"data: " + json.dumps(content, ensure_ascii=False).encode() + b"\n\n"


def _described(tensor: Tensor, name: str) -> dict:
    """A tensor as TensorFlow Serving describes it."""
    shape = [] if tensor.shape is None else tensor.shape
    return {
        "dtype": f"DT_{_TYPES.get(tensor.dtype, tensor.dtype.upper())}",
        "tensor_shape": {
            "dim": [{"size": str(-1 if n is None else n), "name": ""} for n in shape],
            "unknown_rank": tensor.shape is None,
        },
        "name": name,
    }


async def _on_http(request: Request, error: HTTPException) -> Response:
    messages = {404: "there is nothing at this path", 405: "this path takes another method"}
    message = messages.get(error.status_code, str(error.detail))
    return await _on_request(request, RequestError(error.status_code, message))


async def _on_request(request: Request, error: RequestError) -> Response:
    headers = {"retry-after": "1"} if error.status == 503 else None
    content = body_of(error, request.url.path)
    return Response(content, error.status, headers, media_type="application/json")


async def _on_any(request: Request, error: Exception) -> Response:
    return await _on_request(request, RequestError(500, "the server failed: its log says why"))
