"""The process: loads models while it answers, drains at SIGTERM; several behind one port."""

import dataclasses
import functools
import ipaddress
import json
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable

import uvicorn
from uvicorn.supervisors import Multiprocess

import aimodels
from aimodels import console
from aimodels.serving.folder import find
from aimodels.serving.gate import Limits
from aimodels.serving.protocol import Protocol

_SETTINGS = "AIMODELS_SERVING"  # how the processes of one server get their settings


@dataclasses.dataclass(frozen=True)
class Settings:
    """How a folder is served.

    Attributes:
        folder: with the models.
        host: address to listen on.
        port: to listen on; 0 takes a free one.
        token: that clients must send; none if None.
        workers: number of processes behind the port.
        batch_size: largest number of examples computed together; 1 switches batching off.
        batch_wait: seconds to wait for company, where there was some before.
        drain: seconds that running requests have, once the server is told to stop.
        headers: seconds in which a connection must have sent its headers.
        limits: of requests.
    """

    folder: str
    host: str = "127.0.0.1"
    port: int = 8501
    token: str | None = None
    workers: int = 1
    batch_size: int = 32
    batch_wait: float = 0.005
    drain: float = 30.0
    headers: float = 15.0
    limits: Limits = dataclasses.field(default_factory=Limits)

    @property
    def local(self) -> bool:
        """Whether only programs on this machine reach it."""
        found = socket.getaddrinfo(self.host, None, type=socket.SOCK_STREAM)
        return all(
            ipaddress.ip_address(address[0].split("%")[0]).is_loopback for *_, address in found
        )


def serve(settings: Settings) -> int:
    """Serve a folder until the process is told to stop.

    Returns:
        0 after SIGTERM or Ctrl-C; 1 if no model could be loaded.

    Raises:
        LoadError: if there is no model in the folder.
        ValueError: if others could reach the server and no token is asked for.
        OSError: if the port is taken or the address is not this machine's.
    """
    try:
        local = settings.local
    except socket.gaierror:
        raise ValueError(f"there is no host {settings.host!r}") from None
    if not local and not settings.token:
        raise ValueError(
            f"others can reach {settings.host}: choose a token, and give it with --token or in "
            "AIMODELS_TOKEN; or listen on 127.0.0.1"
        )
    if settings.token is not None and (not settings.token.isascii() or not settings.token.split()):
        raise ValueError("the token must be ASCII characters, not blank")
    found = find(settings.folder)
    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        listener = socket.create_server((settings.host, settings.port), family=family, backlog=1024)
    except OSError as error:
        raise OSError(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror}"
        ) from None
    port = listener.getsockname()[1]
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    _at_signals(lambda *_: sys.exit(0))  # nothing runs yet
    console.write(f"{', '.join(found)} at http://{host}:{port}")
    if settings.workers > 1:
        return _supervise(settings, listener)
    return _run(settings, found, listener)


def _run(settings: Settings, found: dict, listener: socket.socket) -> int:
    models, application = _application(settings, found)
    server = uvicorn.Server(_config(settings, application.app))

    def load() -> None:
        _load(settings, models, application, lambda: server.should_exit)
        if not any(version.state == "AVAILABLE" for version in models):
            server.should_exit = True

    # for a moment before uvicorn's own, and then when uvicorn raises it again in the end
    _at_signals(lambda *_: setattr(server, "should_exit", True))
    loader = threading.Thread(target=load, name="loader")
    loader.start()
    server.run(sockets=[listener])
    loader.join()  # TensorFlow does not bear to be left in the middle
    for version in models:
        version.close()
    return int(all(version.state == "END" for version in models))


def _at_signals(handle: Callable) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)


def _application(settings: Settings, found: dict) -> tuple:
    """Models that are not loaded yet, and what answers for them."""
    aimodels.start()
    from aimodels.serving.app import Server
    from aimodels.serving.models import Models

    models = Models(found)
    return models, Server(models, settings.limits, settings.token, settings.local)


def _load(settings: Settings, models, application, stopped: Callable[[], bool]) -> None:
    for version in models:
        if stopped():
            return
        version.load(
            settings.batch_size,
            settings.batch_wait,
            lambda rows, name=version.name: application.metrics.batch(name, rows),
        )
        console.write(f"{version.name} version {version.number}: {version.error or 'ready'}")


def _config(settings: Settings, app, **kwargs) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        loop="asyncio",
        log_level="error",
        access_log=False,
        server_header=False,
        timeout_keep_alive=settings.headers,
        timeout_graceful_shutdown=settings.drain,
        **kwargs,
    )


def _supervise(settings: Settings, listener: socket.socket) -> int:
    """Several processes that accept from one socket; one that dies is replaced."""
    os.environ[_SETTINGS] = json.dumps(dataclasses.asdict(settings))
    with tempfile.TemporaryDirectory() as counts:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = counts
        config = _config(
            settings,
            f"{__name__}:application",
            factory=True,
            workers=settings.workers,
            timeout_worker_healthcheck=120,
        )
        Multiprocess(config, sockets=[listener]).run()
    return 0


def application(settings: Settings | None = None):
    """The ASGI application alone, its models loading: for one of several processes.

    Args:
        settings: how it serves; those that `serve` left in the environment if None.
    """
    if settings is None:
        content = json.loads(os.environ[_SETTINGS])
        settings = Settings(**(content | {"limits": Limits(**content["limits"])}))
    models, server = _application(settings, find(settings.folder))
    load = functools.partial(_load, settings, models, server, lambda: False)
    threading.Thread(target=load, name="loader", daemon=True).start()
    return server.app
