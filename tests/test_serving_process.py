"""`aimodels serve` as a process of its own, with everything that people send to break it."""

import ast
import concurrent.futures
import contextlib
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import psutil
import pytest
import yaml
from serving_models import HANGS, serving, write_gpt

import aimodels.cli

pytestmark = [
    pytest.mark.rests_on("aimodels", "docs/serving.md", "tests/serving_models.py"),
    pytest.mark.slow,
]
MEGABYTE = 1 << 20
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from aimodels.cnn import CNN

    folder = tmp_path_factory.mktemp("models")
    CNN((8, 8, 1), num_classes=10, filters=(4, 8)).save(folder / "digits.keras")
    write_gpt(folder / "writer")
    (folder / "broken" / "1").mkdir(parents=True)
    (folder / "broken" / "1" / "saved_model.pb").write_bytes(b"\x0a\xff\xff cut off")
    return folder


@pytest.fixture(scope="module")
def served(folder, until):
    with serving(folder, until=until, ready=False) as (process, client):
        until(lambda: _states(client) == {"AVAILABLE", "END"})
        yield process, client


def _states(client) -> set:
    with contextlib.suppress(OSError, http.client.HTTPException):
        return set(client("/readyz")[1]["models"].values())
    return set()


PICTURE = np.linspace(0, 1, 64).reshape(1, 8, 8, 1).round(2).tolist()


def memory(process) -> int:
    """Bytes that a process holds."""
    return psutil.Process(process.pid).memory_info().rss


def _malformed(rng: random.Random) -> tuple:
    """A path, a body and headers, one or more of them wrong."""
    right = {"instances": PICTURE}
    values = [None, True, -1, 1e308, "a", "\ud800", [], {}, [[]], {"b64": "AA"}, {"b64": 1}, [None]]
    body: object = rng.choice(
        [
            {"instances": rng.choice(values)},
            {"inputs": rng.choice(values)},
            {"instances": [rng.choice(values), *PICTURE]},
            {"instances": PICTURE[0][: rng.randrange(8)]},
            {"instances": PICTURE, rng.choice("abcdef"): 1},
            {"instances": [{"image": rng.choice(values)}]},
            {"instances": [{rng.choice("abc"): PICTURE[0]}]},
            {"instances": PICTURE, "signature_name": rng.choice([1, "no", [], "a" * 500])},
            rng.choice(values),
        ]
    )
    content = json.dumps(body).encode()
    kind = rng.randrange(4)
    if kind == 0:  # cut off
        content = json.dumps(right).encode()
        content = content[: rng.randrange(len(content))]
    elif kind == 1:  # other bytes in it
        content = bytearray(json.dumps(right).encode())
        for _ in range(5):
            content[rng.randrange(len(content))] = rng.randrange(128, 256)
        content = bytes(content)
    path = "/v1/models/digits:predict"
    if rng.random() < 0.3:
        names = [
            "..",
            "%2e%2e%2f",
            "digits/versions/-1",
            "digits/versions/2",
            "",
            "a" * 3000,
            "%00",
        ]
        names += ["..%5c..%5cwindows", "digits;x", "broken", "writer/../digits", "~root", "%ff%fe"]
        path = f"/v1/models/{rng.choice(names)}{rng.choice([':predict', ':classify', '/x'])}"
    if rng.random() < 0.1:
        path, content = "/v1/completions", content if rng.random() < 0.5 else b'{"model": 1}'
    headers = {}
    if rng.random() < 0.2:
        headers["Content-Encoding"] = rng.choice(["gzip", "br", "x"])
    return path, content, headers


def test_a_thousand_malformed_requests(served):
    """Each is refused in JSON; nothing of them stays."""
    process, client = served
    rng = random.Random(1)
    before, statuses = None, set()
    for i in range(1000):
        status, answer = client(*_malformed(rng)[:2]) if i % 2 else _with_headers(client, rng)
        assert 400 <= status < 500 or (status == 503 and "broken" in str(answer)), answer
        assert list(answer) == ["error"]
        statuses.add(status)
        if i == 200:
            before = memory(process)
    assert {400, 404, 415} <= statuses
    assert memory(process) - before < 32 * MEGABYTE
    assert client.predict("digits", PICTURE)[0] == 200


def _with_headers(client, rng):
    path, content, headers = _malformed(rng)
    return client(path, content, **headers)


def test_bodies_of_a_hundred_megabytes(served):
    process, client = served
    body = b'{"instances": [' + b"0.5, " * (20 * MEGABYTE) + b"0.5]}"
    assert len(body) > 100 * MEGABYTE
    peak, stop = [memory(process)], threading.Event()

    def watch():
        while not stop.wait(0.005):
            peak.append(memory(process))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for _ in range(3):
            status, answer = client("/v1/models/digits:predict", body)
            assert (status, list(answer)) == (413, ["error"])
        with contextlib.closing(client.connection()) as connection:
            pieces = (body[i : i + MEGABYTE] for i in range(0, len(body), MEGABYTE))
            connection.request("POST", "/v1/completions", pieces, encode_chunked=True)
            response = connection.getresponse()
            assert response.status == 413
            assert "error" in json.loads(response.read())
    finally:
        stop.set()
        watcher.join()
    assert max(peak) - peak[0] < 64 * MEGABYTE
    assert client("/healthz")[0] == 200


def test_slow_clients_keep_nobody_waiting(served):
    _, client = served
    head = (
        b"POST /v1/models/digits:predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 999\r\n\r\n"
    )
    with contextlib.ExitStack() as stack:
        slow = []
        for i in range(200):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", client.port)))
            connection.sendall((head + b"{")[: 10 + i])  # some in their headers, some in the body
            slow.append(connection)
        for i in range(20):
            slow[i].sendall(b"x")
            assert client.predict("digits", PICTURE)[0] == 200
    assert client("/healthz")[0] == 200


def test_numbers_that_are_none(served):
    _, client = served
    for text in ("NaN", "Infinity", "-Infinity", "1e999", "-1e39", "9" * 5000):
        body = json.dumps({"instances": PICTURE}).replace("0.51", text)
        assert text in body
        status, answer = client("/v1/models/digits:predict", body.encode())
        assert status == 400, text
        assert "error" in answer


def test_a_corrupt_export_is_said_and_the_others_answer(served):
    _, client = served
    status, answer = client("/v1/models/broken")
    assert status == 200
    [version] = answer["model_version_status"]
    assert version["state"] == "END"
    assert "saved_model.pb" in version["status"]["error_message"]
    assert client.predict("broken", [[1]])[0] == 503
    assert client("/readyz")[0] == 503
    assert client.predict("digits", PICTURE)[0] == 200


def test_the_same_work_leaves_no_memory(served):
    process, client = served
    options = {"model": "writer", "prompt": "to be", "max_tokens": 20}

    def work():
        client.predict("digits", PICTURE)
        client("/v1/completions", options)
        assert [*client.stream(**options)][-1] == "[DONE]"

    for _ in range(20):
        work()
    before = memory(process)
    for _ in range(80):
        work()
    assert memory(process) - before < 32 * MEGABYTE


def test_sigterm_under_load(folder, until):
    """Running texts are written to their end; then the process ends well, and nobody gets in."""
    with serving(folder / "writer", until=until) as (process, client):
        begun, lock = [], threading.Lock()

        def read():
            events = []
            for event in client.stream(model="writer", prompt="to be", max_tokens=400, seed=1):
                events.append(event)
                if len(events) == 1:
                    with lock:
                        begun.append(True)
            return events

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            streams = [pool.submit(read) for _ in range(8)]
            until(lambda: len(begun) == 8 or any(stream.done() for stream in streams))
            process.send_signal(signal.SIGTERM)
            until(lambda: _refused(client.port))
            for stream in streams:
                events = stream.result()
                assert events[-1] == "[DONE]"
                assert events[-2]["choices"][0]["finish_reason"] == "length"
        assert process.wait(HANGS) == 0


@pytest.mark.parametrize("path", [None, "/healthz"], ids=["importing", "loading"])
def test_sigterm_before_it_is_ready(folder, until, path):
    with serving(folder, until=until, ready=False) as (process, client):
        if path:
            until(lambda: _answered(client, path))
        process.send_signal(signal.SIGTERM)
        assert process.wait(HANGS) == 0


def _answered(client, path: str) -> bool:
    with contextlib.suppress(OSError, http.client.HTTPException):
        return client(path)[0] == 200
    return False


def _refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return True
    return False


def test_two_processes_behind_one_port(folder, until):
    """Both answer; when one is killed the other goes on, and a new one takes its place."""
    with serving(folder / "digits.keras", "--workers", "2", until=until) as (process, client):
        supervisor = psutil.Process(process.pid)

        def workers():
            children = supervisor.children(recursive=True)
            return {c.pid for c in children if "spawn_main" in " ".join(_command(c))}

        first = until(lambda: len(workers()) == 2 and workers())
        for worker in first:  # while one stands still, the other one answers
            os.kill(worker, signal.SIGSTOP)
            until(lambda: _ready(client))
            assert client.predict("digits", PICTURE)[0] == 200
            os.kill(worker, signal.SIGCONT)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = [*pool.map(lambda _: client.predict("digits", PICTURE)[0], range(40))]
        assert set(answers) == {200}
        assert _predicted(client) == 2 + 40  # the counts of both are added up
        os.kill(min(first), signal.SIGKILL)
        second = until(lambda: len(workers()) == 2 and workers() != first and workers())
        assert len(first & second) == 1
        until(lambda: _ready(client))
        process.send_signal(signal.SIGTERM)
        assert process.wait(HANGS) == 0
        assert not any(psutil.pid_exists(worker) for worker in second)


def _command(process) -> list[str]:
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []


def _ready(client) -> bool:
    return _answered(client, "/readyz")


def _predicted(client) -> float:
    """How many predictions `/metrics` has counted."""
    with contextlib.closing(client.connection()) as connection:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    [line] = [line for line in text.splitlines() if 'requests_total{route="predict"' in line]
    return float(line.split()[-1])


class TestCommand:
    """What is wrong on the command line is one sentence and exit code 1."""

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["nowhere"], "there is no"),
            (["{folder}", "--host", "0.0.0.0"], "others can reach 0.0.0.0: choose a token"),
            (["{folder}", "--host", "::"], "choose a token"),
            (["{folder}", "--host", "no.such.host.invalid"], "there is no host"),
            (["{folder}", "--host", "0.0.0.0", "--token", " "], "must be ASCII"),
            (["{folder}", "--port", "99999"], "port"),
            (["{folder}", "--workers", "0"], "workers must be an integer >= 1"),
            (["{folder}", "--batch-size", "0"], "batch_size must be an integer >= 1"),
            (["{folder}", "--max-body", "0"], "max_body must be a number > 0"),
            (["{folder}", "--port", "{taken}"], "Address already in use"),
        ],
    )
    def test_what_is_wrong(self, folder, capsys, monkeypatch, arguments, said):
        monkeypatch.delenv("AIMODELS_TOKEN", raising=False)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            names = {"folder": folder, "taken": listener.getsockname()[1]}
            arguments = [argument.format(**names) for argument in arguments]
            assert aimodels.cli.main(["serve", *arguments]) == 1
        assert said in capsys.readouterr().err

    def test_nothing_that_can_be_loaded(self, folder):
        command = [sys.executable, "-m", "aimodels", "serve", str(folder / "broken"), "--port", "0"]
        run = subprocess.run(command, capture_output=True, text=True, timeout=HANGS)
        assert run.returncode == 1
        assert "broken version 1: " in run.stdout
        assert "cannot be loaded" in run.stdout
        assert "Traceback" not in run.stderr


def test_what_is_exported_gives_the_same(folder, tmp_path):
    import keras
    import tensorflow as tf

    from aimodels.detection import SSD
    from aimodels.serving.export import export
    from aimodels.serving.servable import LoadError

    source = tmp_path / "source"
    source.mkdir()
    (source / "digits.keras").write_bytes((folder / "digits.keras").read_bytes())
    detector = SSD((32, 32, 1), num_classes=2)
    detector.save(source / "boxes.keras")
    write_gpt(source / "writer")
    written = export(source, tmp_path / "out")
    assert [path.relative_to(tmp_path / "out").as_posix() for path in written] == [
        "boxes/1",
        "digits/1",
        "writer/1",
    ]
    model = keras.saving.load_model(source / "digits.keras")
    x = np.array(PICTURE, "float32")
    loaded = tf.saved_model.load(str(written[1])).signatures["serving_default"]
    np.testing.assert_allclose(loaded(image=x)["output_0"], model(x), atol=1e-5)
    image = np.random.default_rng(0).random((1, 32, 32, 1)).astype("float32")
    loaded = tf.saved_model.load(str(written[0])).signatures["serving_default"]
    [name] = [spec for spec in loaded.structured_input_signature[1]]
    found = loaded(**{name: image})
    np.testing.assert_allclose(found["boxes"], detector.detect(image)["boxes"], atol=1e-4)
    with pytest.raises(LoadError, match="is there already"):
        export(source, tmp_path / "out")


def _blocks(language: str) -> list[str]:
    page = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
    parts = page.split(f"```{language}\n")[1:]
    return [part.partition("```")[0] for part in parts]


def test_the_manifests_in_the_docs_are_whole():
    """Parsed, and their numbers fit: ports, paths, probes and names."""
    documents = [d for block in _blocks("yaml") for d in yaml.safe_load_all(block)]
    kinds = {document["kind"]: document for document in documents if "kind" in document}
    assert {"Deployment", "Service", "InferenceService", "RayService"} <= set(kinds)
    spec = kinds["Deployment"]["spec"]
    pod = spec["template"]
    assert spec["selector"]["matchLabels"] == pod["metadata"]["labels"]
    assert kinds["Service"]["spec"]["selector"] == pod["metadata"]["labels"]
    [container] = pod["spec"]["containers"]
    [port] = container["ports"]
    command = container["command"]
    assert command[:2] == ["aimodels", "serve"]
    arguments = aimodels.cli.parser().parse_args(command[1:])
    assert arguments.port == port["containerPort"]
    assert kinds["Service"]["spec"]["ports"][0]["targetPort"] == port["containerPort"]
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    # Kubernetes kills what has not ended by then.
    assert pod["spec"]["terminationGracePeriodSeconds"] > arguments.drain
    model = kinds["InferenceService"]["spec"]["predictor"]["model"]
    assert model["modelFormat"]["name"] == "tensorflow"
    assert model["storageUri"].partition("://")[0] in ("pvc", "s3", "gs", "https")
    serve = yaml.safe_load(kinds["RayService"]["spec"]["serveConfigV2"])
    [application] = serve["applications"]
    program = _blocks("python")[0]
    tree = ast.parse(program)
    assert f"# {application['import_path'].split(':')[0]}.py" in program
    names = {
        target.id for node in tree.body if isinstance(node, ast.Assign) for target in node.targets
    }
    assert application["import_path"].split(":")[1] in names
    assert f'name="{application["deployments"][0]["name"]}"' in program
    _ray_serves(program)


def _ray_serves(program: str) -> None:
    """The program's imports from here exist, and take what it gives them."""
    from aimodels.serving import server

    for node in ast.walk(ast.parse(program)):
        if isinstance(node, ast.ImportFrom) and node.module == "aimodels.serving.server":
            assert all(hasattr(server, alias.name) for alias in node.names)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Settings":
            given = {keyword.arg: "127.0.0.1" for keyword in node.keywords}
            assert server.Settings("/models", **given).local


def test_the_commands_in_the_docs_are_understood():
    lines = [line for block in _blocks("sh") for line in block.splitlines()]
    commands = [line.split("#")[0].split() for line in lines if line.startswith("aimodels serve")]
    assert len(commands) >= 3
    for command in commands:
        assert aimodels.cli.parser().parse_args(command[1:]).folder
    assert any("tensorflow/serving" in line for line in lines)
