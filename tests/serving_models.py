"""Small models of every kind that `aimodels serve` takes, and a client, for its tests."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np

HANGS = 600  # seconds: no machine is so busy that an answer which comes takes longer
TEXT = "to be or not to be that is the question "


def write_gpt(folder: Path, length: int = 64) -> None:
    """A run of `aimodels train gpt`, with random weights that write something."""
    import keras

    from aimodels.gpt import GPT
    from aimodels.text import BytePairTokenizer, Vocabulary

    tokenizer = BytePairTokenizer.train([TEXT * 20], 20)
    vocabulary = Vocabulary(tokenizer.vocabulary)
    keras.utils.set_random_seed(3)
    model = GPT(len(vocabulary), 16, num_heads=2, num_layers=1, max_sequence_length=length)
    rng = np.random.default_rng(4)
    for variable in model.trainable_variables:  # larger than usual: texts that differ
        variable.assign(variable + rng.normal(0, 0.3, variable.shape))
    folder.mkdir(parents=True)
    model.save(folder / "model.keras")
    tokenizer.save(folder / "merges.txt")
    vocabulary.save(folder / "vocabulary.txt")
    (folder / "run.json").write_text(json.dumps({"model": "gpt", "data": "python"}))


def write_sounds(folder: Path) -> None:
    """A run of `aimodels train transformer`."""
    from aimodels.text import Vocabulary
    from aimodels.transformer import Transformer

    source, target = Vocabulary("helo"), Vocabulary(["HH", "AH", "L", "OW"])
    sizes = {"hidden_dim": 16, "num_heads": 2, "num_layers": 1, "max_sequence_length": 8}
    folder.mkdir(parents=True)
    Transformer(len(source), len(target), **sizes).save(folder / "model.keras")
    source.save(folder / "source.txt")
    target.save(folder / "target.txt")
    (folder / "run.json").write_text(json.dumps({"model": "transformer", "data": "cmudict"}))


def write_gaps(folder: Path) -> None:
    """A run of `aimodels train bert`."""
    from aimodels.bert import BERT, BERTPretraining
    from aimodels.text import Vocabulary

    special = {"start_token": "[CLS]", "end_token": "[SEP]"}
    words = Vocabulary(["who", "are", "you", "[MASK]"], **special)
    sizes = {"hidden_dim": 16, "num_heads": 2, "num_layers": 1, "max_sequence_length": 12}
    folder.mkdir(parents=True)
    BERTPretraining(BERT(len(words), **sizes)).save(folder / "model.keras")
    words.save(folder / "vocabulary.txt")
    (folder / "run.json").write_text(json.dumps({"model": "bert", "data": "wikipedia_sample"}))


class Client:
    """Requests to a server on this machine."""

    def __init__(self, port: int, token: str | None = None):
        self.port, self.token = port, token

    def __call__(self, path: str, content=None, method: str | None = None, **headers) -> tuple:
        """Status, and what the JSON of the answer holds; `content` is JSON, or bytes."""
        body = content if isinstance(content, bytes | None) else json.dumps(content).encode()
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        method = method or ("GET" if body is None else "POST")
        with contextlib.closing(self.connection()) as connection:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read() or b"null")

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=HANGS)

    def predict(self, name: str, instances) -> tuple:
        return self(f"/v1/models/{name}:predict", {"instances": instances})

    def stream(self, **content):
        """The contents of a stream's events; "[DONE]" as a text."""
        with contextlib.closing(self.connection()) as connection:
            body = json.dumps({"stream": True, **content})
            connection.request("POST", "/v1/completions", body)
            response = connection.getresponse()
            assert response.status == 200, response.read()
            assert response.headers["content-type"].startswith("text/event-stream")
            for line in response:
                if line.strip():
                    data = line.decode().removeprefix("data: ").strip()
                    yield data if data == "[DONE]" else json.loads(data)


@contextlib.contextmanager
def serving(folder: Path, *arguments: str, until, token: str | None = None, ready: bool = True):
    """`aimodels serve` in a process of its own: the process and a client."""
    command = [sys.executable, "-m", "aimodels", "serve", str(folder), "--port", "0", *arguments]
    environment = os.environ | {"AIMODELS_TOKEN": token or "", "TF_NUM_INTRAOP_THREADS": "1"}
    process = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        first = process.stdout.readline()
        client = Client(int(first.rpartition(":")[2]), token)
        if ready:
            until(lambda: _answers(client) == 200 or process.poll() is not None)
        yield process, client
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(HANGS)
        process.stdout.close()


@contextlib.contextmanager
def running(models, limits=None, batch_size=32, headers=30, **options):
    """A server in a thread of this process."""
    import uvicorn

    from aimodels.serving.app import Server
    from aimodels.serving.gate import Limits
    from aimodels.serving.protocol import Protocol

    server = Server(models, limits or Limits(), **options)
    for version in models:
        if version.state == "LOADING":
            version.load(
                batch_size, 0.05, lambda rows, name=version.name: server.metrics.batch(name, rows)
            )
    config = uvicorn.Config(
        server.app, http=Protocol, ws="none", log_level="critical", timeout_keep_alive=headers
    )
    uvicorn_server, listener = uvicorn.Server(config), socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=uvicorn_server.run, args=([listener],))
    thread.start()
    try:
        yield Client(listener.getsockname()[1], options.get("token"))
    finally:
        uvicorn_server.should_exit = True
        thread.join()
        for version in models:
            version.close()


def _answers(client: Client) -> int | None:
    with contextlib.suppress(OSError, http.client.HTTPException):
        return client("/readyz")[0]
    return None
