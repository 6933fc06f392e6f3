"""`aimodels serve` under 32 clients: with dynamic batching and without, streamed, beside LitServe.

Each client sends its next request when it has its answer. The clients are one process, the server
another, on the same machine, so both share its processors. LitServe serves the same network with
the same size of batches and the same wait for company.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil

CLIENTS, BATCH = 32, 32
NEW_TOKENS, PROMPT = 32, "def read(path):\n"
PEER = str(Path(__file__).with_name("litserve_pictures.py"))


def _models(folder: Path) -> dict[str, tuple[str, Callable[[int], dict]]]:
    """Write the models; what each is asked: a path, and the content of the i-th request."""
    import keras

    from aimodels import text
    from aimodels.cnn import CNN
    from aimodels.gpt import GPT

    rng = np.random.default_rng(0)
    CNN((28, 28, 1), num_classes=10).save(folder / "digits.keras")
    lstm = [keras.layers.Embedding(8000, 64), keras.layers.LSTM(64), keras.layers.Dense(2)]
    keras.Sequential([keras.Input((128,), dtype="int32"), *lstm]).save(folder / "reviews.keras")
    writer = folder / "writer"
    writer.mkdir()
    tokenizer = text.BytePairTokenizer.train([Path(__file__).read_text()], 500)
    words = text.Vocabulary(tokenizer.vocabulary)
    sizes = {"hidden_dim": 128, "num_heads": 4, "num_layers": 4, "max_sequence_length": 64}
    GPT(len(words), **sizes).save(writer / "model.keras")  # of the recipe "cpu"
    tokenizer.save(writer / "merges.txt")
    words.save(writer / "vocabulary.txt")
    (writer / "run.json").write_text(json.dumps({"model": "gpt", "data": "python"}))
    pictures = rng.random((64, 28, 28, 1)).round(2).tolist()
    reviews = rng.integers(0, 8000, (64, 128)).tolist()
    options = {"model": "writer", "prompt": PROMPT, "max_tokens": NEW_TOKENS}
    return {
        "CNN, 28 x 28": (
            "/v1/models/digits:predict",
            lambda i: {"instances": [pictures[i % 64]]},
        ),
        "LSTM, 128 steps": (
            "/v1/models/reviews:predict",
            lambda i: {"instances": [reviews[i % 64]]},
        ),
        f"GPT, {NEW_TOKENS} tokens": ("/v1/completions", lambda i: {**options, "seed": i}),
    }


@contextlib.contextmanager
def _server(command: list[str], port: int, health: str):
    """A server in a process of its own, once it is ready."""
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        while True:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}{health}", timeout=60).close()
                break
            if process.poll() is not None:
                raise RuntimeError(f"{command} ended with {process.returncode}")
            time.sleep(0.2)
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def _ours(folder: Path, batch_size: int, port: int):
    command = [sys.executable, "-m", "aimodels", "serve", str(folder), "--port", str(port)]
    return _server([*command, "--batch-size", str(batch_size)], port, "/readyz")


async def _ask(reader, writer, path: str, body: bytes) -> bytes:
    """One request on an open connection; the answer's body. Raises unless the status is 200."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    answer = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = int(answer.partition("content-length: ")[2].partition("\r\n")[0])
    content = await reader.readexactly(length)
    if answer.split()[1] != "200":
        raise RuntimeError(content.decode())
    return content


async def _load(port: int, path: str, content, seconds: float) -> dict:
    """What `CLIENTS` clients get in so many seconds."""
    bodies = [json.dumps(content(i)).encode() for i in range(64)]
    took, failed = [], []
    end = time.perf_counter() + seconds

    async def client(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**24)
        i = number
        while (begun := time.perf_counter()) < end:
            try:
                await _ask(reader, writer, path, bodies[i % 64])
                took.append(time.perf_counter() - begun)
            except Exception as error:  # counted, and the client goes on
                failed.append(repr(error))
                reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**24)
            i += CLIENTS
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*map(client, range(CLIENTS)))
    return {
        "requests a second": round(len(took) / (time.perf_counter() - began), 1),
        "p50 ms": round(1000 * float(np.percentile(took, 50)), 1),
        "p99 ms": round(1000 * float(np.percentile(took, 99)), 1),
        "requests": len(took),
        "failed": len(failed),
    }


def _measured(port: int, path: str, content, seconds: float) -> dict:
    asyncio.run(_load(port, path, content, min(seconds, 5)))  # graphs of each size of a batch
    return asyncio.run(_load(port, path, content, seconds))


def _streamed(port: int, folder: Path) -> dict:
    """One stream: when its first and its last piece came, and whether it is `generate`'s text."""
    from aimodels.text_generator import TextGenerator

    asked = {"model": "writer", "prompt": PROMPT, "max_tokens": 48, "temperature": 0.8, "seed": 7}
    body = json.dumps({**asked, "stream": True}).encode()
    for _ in range(2):  # the first time is the graph's
        began, pieces, first = time.perf_counter(), [], None
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/completions", body) as answer:
            for line in answer:
                data = line.decode().strip().removeprefix("data: ")
                if data and data != "[DONE]":
                    first = first or time.perf_counter() - began
                    pieces.append(json.loads(data)["choices"][0]["text"])
        took = time.perf_counter() - began
    wanted = TextGenerator.load(folder / "writer").generate(PROMPT, 48, temperature=0.8, seed=7)
    return {
        "first piece ms": round(1000 * first, 1),
        "tokens a second": round(48 / took, 1),
        "pieces": len(pieces),
        "text is generate's": "".join(pieces) == wanted,
    }


def _held(process) -> dict:
    """Processes and memory of a server; what its processes share counts once."""
    root = psutil.Process(process.pid)
    everyone = [root, *root.children(recursive=True)]
    bytes_ = sum(one.memory_full_info().pss for one in everyone)
    return {"processes": len(everyone), "MB": round(bytes_ / 2**20)}


async def _stopped(process, port: int, path: str, content) -> dict:
    """SIGTERM while `CLIENTS` requests run: how many get their answers, and what is left."""
    family = psutil.Process(process.pid).children(recursive=True)
    body = json.dumps(content(0)).encode()
    sent = asyncio.Event()
    count = 0

    async def one() -> bool:
        nonlocal count
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**24)
            count += 1
            if count == CLIENTS:
                sent.set()
            await _ask(reader, writer, path, body)
            return True
        except (OSError, EOFError, RuntimeError):
            return False

    running = [asyncio.create_task(one()) for _ in range(CLIENTS)]
    await sent.wait()
    await asyncio.sleep(0.05)  # the requests are there
    process.send_signal(signal.SIGTERM)
    answers = await asyncio.gather(*running)
    try:
        code = await asyncio.to_thread(process.wait, 60)
    except subprocess.TimeoutExpired:
        code = None
    _, left = await asyncio.to_thread(psutil.wait_procs, family, 10)
    return {
        "running": CLIENTS,
        "answered": sum(answers),
        "exit code": code,
        "processes left": len(left),
    }


def run(seconds: float = 8, steady_seconds: float = 60) -> dict:
    """Throughput and latency with batches and one by one, a minute without pause, and the peer."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tasks = _models(folder)
        figures: dict = {"clients": CLIENTS, "batch size": BATCH}
        for size, what in ((1, "one by one"), (BATCH, "batches")):
            port = _free_port()
            with _ours(folder, size, port) as process:
                for task, (path, content) in tasks.items():
                    figures.setdefault(task, {})[what] = _measured(port, path, content, seconds)
                if size == BATCH:
                    path, content = tasks["CNN, 28 x 28"]
                    figures["a minute"] = asyncio.run(_load(port, path, content, steady_seconds))
                    figures["stream"] = _streamed(port, folder)
                    figures["three models"] = _held(process)
                    path, content = tasks[f"GPT, {NEW_TOKENS} tokens"]
                    figures["SIGTERM, GPT"] = asyncio.run(_stopped(process, port, path, content))
        for task in tasks:
            rates = [figures[task][what]["requests a second"] for what in ("batches", "one by one")]
            figures[task]["ratio"] = round(rates[0] / rates[1], 2)
        path, content = tasks["CNN, 28 x 28"]
        figures["one CNN"] = {}
        for peer in ("ours", "LitServe"):
            port = _free_port()
            command = [sys.executable, PEER, str(folder / "digits.keras"), str(port), str(BATCH)]
            server = _server(command, port, "/health")
            place = "/predict"
            if peer == "ours":
                server, place = _ours(folder / "digits.keras", BATCH, port), path
            with server as process:
                result = _measured(port, place, content, seconds) | _held(process)
                result["SIGTERM"] = asyncio.run(_stopped(process, port, place, content))
                figures["one CNN"][peer] = result
        return figures
