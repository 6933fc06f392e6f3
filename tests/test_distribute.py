"""Strategies, batches and backups: on logical devices, and on real processes."""

import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import psutil
import pytest
import tensorflow as tf
import yaml
from PIL import Image
from rounding import rounding

from aimodels import cnn, train  # noqa: F401  (the saved model is a CNN)
from aimodels.train import Backup, DistributeError, Model
from aimodels.train.launch import free_ports, tf_configs

pytestmark = pytest.mark.rests_on("aimodels", "datasets", "examples")

ROOT = Path(__file__).parents[1]
HANGS = 1800  # seconds: no machine is so busy that a run which goes on takes longer
SCRIPT = ROOT / "examples" / "train.py"


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch):
    for name in ("TF_CONFIG", "TPU_NAME", "SLURM_STEP_NUM_TASKS"):
        monkeypatch.delenv(name, raising=False)


def seen(dataset, strategy) -> list[list[np.ndarray]]:
    """For each batch, each replica's part."""
    return [
        [part.numpy() for part in strategy.experimental_local_results(batch)] for batch in dataset
    ]


# Which strategy


def test_auto_takes_all_logical_devices():
    assert train.strategy().num_replicas_in_sync == 4


def test_logical_devices_cannot_become_more_later():
    tf.constant(0)
    assert len(train.logical_devices(2)) == 2  # there are four
    with pytest.raises(DistributeError, match="restart the kernel and call logical_devices first"):
        train.logical_devices(5)


def test_more_devices_than_there_are():
    with pytest.raises(DistributeError, match=r"9 devices are wanted, there are 4 processor"):
        train.strategy("devices", devices=9)


def test_an_unknown_kind():
    with pytest.raises(ValueError, match="kind must be one of auto, one, devices"):
        train.strategy("gpus")


def test_no_tpu(monkeypatch):
    with pytest.raises(DistributeError, match="no TPU answers"):
        train.strategy("tpu")


TASK = {"type": "worker", "index": 0}
WRONG = {
    "{": "not a cluster's description",
    "[]": "not a cluster's description",
    '{"cluster": {}}': "not a cluster's description",
    '{"cluster": {"worker": "a:1"}, "task": {"type": "worker", "index": 0}}': "is not host:port",
    json.dumps({"cluster": {"worker": ["a"]}, "task": TASK}): "'a' is not host:port",
    json.dumps({"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": TASK}): "ps: only chief",
    json.dumps({"cluster": {"worker": ["a:1"]}, "task": TASK | {"index": 1}}): "no worker 1",
    json.dumps({"cluster": {"worker": ["a:1"]}, "task": {"type": "chief", "index": 0}}): "no chief",
}


@pytest.mark.parametrize(("text", "message"), WRONG.items())
def test_a_wrong_tf_config(monkeypatch, text, message):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(DistributeError, match=message):
        train.strategy()


def test_a_port_that_is_taken_and_a_worker_that_never_comes(monkeypatch):
    with socket.create_server(("localhost", 0)) as other:
        taken = other.getsockname()[1]
        config = tf_configs([f"localhost:{taken}", "localhost:1"])[0]
        monkeypatch.setenv("TF_CONFIG", config)
        with pytest.raises(DistributeError, match=f"port {taken} of this worker .* is taken"):
            train.strategy()
    monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(DistributeError, match=r"after 1 s nobody answers at localhost:1: is the"):
        train.strategy(timeout=1)


# Batches


@pytest.mark.parametrize("replicas", [1, 2, 3, 4])
def test_the_parts_of_a_batch_are_the_batch(replicas):
    strategy = train.strategy("devices", devices=replicas)
    with strategy.scope():
        data = train.batches(np.arange(23), 8)
    batches = seen(data, strategy)
    assert [np.concatenate(parts).tolist() for parts in batches] == [
        list(range(0, 8)), list(range(8, 16)), list(range(16, 23))
    ]  # fmt: skip
    for parts in batches:
        sizes = [len(part) for part in parts]
        assert max(sizes) - min(sizes) <= 1


def test_structures_of_examples():
    strategy = train.strategy("devices", devices=2)
    with strategy.scope():
        examples = ({"a": np.zeros((5, 2)), "b": np.zeros(5)}, np.zeros(5))
        data = train.batches(examples, 4)
    x, y = next(iter(data))
    assert [part.shape for part in strategy.experimental_local_results(x["a"])] == [(2, 2)] * 2
    assert len(strategy.experimental_local_results(y)) == 2


@pytest.mark.parametrize("devices", [1, 2])
def test_the_number_of_steps_is_known(devices):
    """Also of a dataset that cannot say it; else Keras takes part of a step too many."""
    numbers = tf.data.Dataset.range(30)
    with train.strategy("devices", devices=devices).scope():
        for examples, steps in ((numbers, 4), (numbers.filter(lambda n: n < 17), 3)):
            for shuffle in (0, 17):
                data = train.batches(examples, 8, shuffle=shuffle)
                assert int(data.cardinality) == steps == sum(1 for _ in data)


def test_tensorflows_tuner_of_pipelines_runs_only_if_wanted():
    """Each epoch's end would wait until it wakes, on one core up to a minute."""
    numbers, options = tf.data.Dataset.range(30), tf.data.Options()
    assert train.batches(numbers, 8, shuffle=30).options().autotune.enabled is False
    options.autotune.enabled = True
    assert train.batches(numbers.with_options(options), 8).options().autotune.enabled is True


def test_the_order_depends_on_the_epoch_alone():
    def orders(devices, first=0):
        strategy = train.strategy("devices", devices=devices)
        with strategy.scope():
            data = train.batches(np.arange(20), 8, shuffle=20, seed=3)
        data.epochs.start(first)
        return [
            np.concatenate([*itertools.chain(*seen(data, strategy))]).tolist() for _ in range(3)
        ]

    one = orders(1)
    assert all(sorted(order) == list(range(20)) for order in one)
    assert len({tuple(order) for order in one}) == 3
    assert orders(2) == orders(4) == one
    assert orders(2, first=2)[0] == one[2]


@pytest.mark.parametrize("shuffle", [0, 10])
def test_each_epoch_may_have_examples_of_its_own(shuffle):
    def examples(epoch):
        return tf.data.Dataset.range(10).map(lambda i: 100 * epoch + i)

    def orders(devices, first=0):
        strategy = train.strategy("devices", devices=devices)
        with strategy.scope():
            data = train.batches(examples, 4, shuffle=shuffle)
        assert int(data.cardinality) == 3
        data.epochs.start(first)
        return [
            np.concatenate([*itertools.chain(*seen(data, strategy))]).tolist() for _ in range(2)
        ]

    one = orders(1)
    assert [sorted(order) for order in one] == [list(range(10)), list(range(100, 110))]
    assert (one[0] != sorted(one[0])) == bool(shuffle)
    assert orders(3) == one
    assert orders(2, first=1)[0] == one[1]


def test_a_batch_smaller_than_the_replicas():
    with (
        train.strategy("devices", devices=4).scope(),
        pytest.raises(ValueError, match="batch_size=3 is the global batch, and each of 4 replicas"),
    ):
        train.batches(np.arange(9), 3)


# Backups


def small(units=3):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    h = keras.layers.Dropout(0.3)(keras.layers.Dense(8)(inputs))
    model = Model(inputs, keras.layers.Dense(units)(keras.layers.BatchNormalization()(h)))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


class StopAfter(keras.callbacks.Callback):
    def __init__(self, epochs):
        super().__init__()
        self.epochs = epochs

    def on_epoch_end(self, epoch, logs=None):
        if epoch + 1 == self.epochs:
            raise KeyboardInterrupt


@pytest.mark.parametrize("devices", [1, 2])
def test_training_goes_on_as_if_nothing_had_happened(tmp_path, devices):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(21, 4)).astype("float32"), rng.integers(0, 3, 21)

    def fit(folder, stop=99):
        with train.strategy("devices", devices=devices).scope():
            model = small()
            data = train.batches((x, y), 8, shuffle=21)
            callbacks = [Backup(folder, data), StopAfter(stop)]
            model.fit(data, epochs=5, verbose=0, callbacks=callbacks)
        return model

    whole = fit(tmp_path / "whole")
    for epochs in (2, 4):
        with pytest.raises(KeyboardInterrupt):
            fit(tmp_path / "broken", stop=epochs)
    again = fit(tmp_path / "broken")
    assert int(again.optimizer.iterations.numpy()) == 15
    for one, other in zip(whole.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=rounding(sums=15 * (4 + 8 + 8)))
    done = fit(tmp_path / "broken")
    assert done.history.epoch == []
    done.fit(x, y, batch_size=8, epochs=1, verbose=0)  # and the next one begins anew
    assert done.history.epoch == [0]


def test_a_backup_of_another_model_or_damaged(tmp_path):
    x, y = np.zeros((4, 4), "float32"), np.zeros(4, int)
    small().fit(x, y, verbose=0, callbacks=[Backup(tmp_path)])
    with pytest.raises(DistributeError, match=r"backup.npz is of another model: take another"):
        small(units=5).fit(x, y, verbose=0, callbacks=[Backup(tmp_path)])
    data = (tmp_path / "backup.npz").read_bytes()
    (tmp_path / "backup.npz").write_bytes(data[: len(data) // 2])
    with pytest.raises(DistributeError, match=r"backup.npz is damaged .*: remove it"):
        small().fit(x, y, verbose=0, callbacks=[Backup(tmp_path)])


def test_a_writer_that_is_killed_leaves_the_old_backup(tmp_path, monkeypatch):
    x, y = np.zeros((4, 4), "float32"), np.zeros(4, int)
    small().fit(x, y, verbose=0, callbacks=[Backup(tmp_path)])
    before = (tmp_path / "backup.npz").read_bytes()

    def half(file, **arrays):
        file.write(b"PK half of it")
        raise KeyboardInterrupt  # as far as kill -9 would come

    monkeypatch.setattr(np, "savez", half)
    with pytest.raises(KeyboardInterrupt):
        small().fit(x, y, epochs=2, verbose=0, callbacks=[Backup(tmp_path)])
    assert (tmp_path / "backup.npz").read_bytes() == before


# Real processes


QUIET = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_NUM_INTRAOP_THREADS": "1"}


def launched(folder, *more, workers=2, restarts=3, popen=False):
    command = [sys.executable, "-m", "aimodels", "launch", "--workers", str(workers)]
    command += ["--restarts", str(restarts), str(SCRIPT), "--folder", str(folder), *more]
    command += ["--timeout", str(HANGS)]
    process = subprocess.Popen(
        command, env=QUIET, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if popen:
        return process
    said, _ = process.communicate(timeout=HANGS)
    assert process.returncode == 0, said
    return said


def assert_same(folder, other, double: bool = False):
    """The weights of two runs: in float64 the same, in float32 nearly.

    Where a pixel is about to pass ReLU, or two of a pooling window are equal, the last bit decides
    where a gradient goes, and Adam's steps do not shrink with the gradient. In float32 this happens
    about once per run: without oneDNN the plain network's weights differed by 0.25 % of their norm
    (a batch of 62 instead of 64 makes 7 %). In float64 it is a billion times rarer.
    """
    one, two = (keras.saving.load_model(path / "model.keras") for path in (folder, other))
    found, wanted = (
        np.concatenate([weights.ravel() for weights in model.get_weights()]) for model in (one, two)
    )
    if double:
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-7)
    else:
        assert np.linalg.norm(found - wanted) < 0.01 * np.linalg.norm(wanted)


DOUBLE = "--float64"


@pytest.fixture(scope="module")
def one_process(tmp_path_factory):
    """What one process reaches, in three ways."""
    folder = tmp_path_factory.mktemp("one")
    both = f"""\
import runpy, sys
for name, *more in ("normal", "{DOUBLE}"), ("plain", "{DOUBLE}", "--plain"):
    sys.argv = [{str(SCRIPT)!r}, "--folder", {str(folder)!r} + "/" + name, *more]
    runpy.run_path(sys.argv[0], run_name="__main__")
"""  # TensorFlow starts slowly; only Keras's float type cannot be changed on the way
    subprocess.run([sys.executable, "-c", both], env=QUIET, check=True, timeout=HANGS)
    single = [sys.executable, str(SCRIPT), "--folder", str(folder / "single")]
    subprocess.run(single, env=QUIET, check=True, timeout=HANGS)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("plain", [DOUBLE, "--plain"]),
        ("plain", [DOUBLE, "--plain", "--jit-compile"]),
        ("normal", [DOUBLE]),
        ("single", []),
    ],
)
def test_two_workers_are_one_process(one_process, tmp_path, kind, more):
    said = launched(tmp_path, *more)
    assert re.search(rf"\[0\] done, XLA {'--jit-compile' in more}: mean weight", said)
    assert re.search(r"\[1\] done", said)
    assert_same(tmp_path, one_process / kind, double=DOUBLE in more)


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_a_worker_that_is_killed_changes_nothing(one_process, tmp_path, rank, until):
    """kill -9 after the first epoch's backup; the weights are those of an undisturbed run."""
    process = launched(tmp_path, DOUBLE, "--plain", popen=True)
    until(lambda: (tmp_path / "backup.npz").exists() or process.poll() is not None)
    workers = psutil.Process(process.pid).children()
    workers[rank].send_signal(signal.SIGKILL)
    said, _ = process.communicate(timeout=HANGS)
    assert process.returncode == 0, said
    assert f"worker {rank} was killed (signal 9): starting all again" in said
    assert not any(worker.is_running() for worker in workers)
    assert_same(tmp_path, one_process / "plain", double=True)


@pytest.fixture
def pictures(tmp_path):
    """Two folders of three classes, told apart by their colour, and files that are no pictures."""
    colours = {"Ampel": (250, 40, 40), "Brief 信": (40, 250, 40), "c'est": (40, 40, 250)}
    rng = np.random.default_rng(0)
    for part, number in ("train", 12), ("test", 4):
        for name, colour in colours.items():
            (tmp_path / part / name).mkdir(parents=True)
            for i in range(number):
                noise = rng.integers(-40, 41, size=(9 + i, 20, 3))
                picture = Image.fromarray(np.clip(colour + noise, 0, 255).astype("uint8"))
                picture.save(tmp_path / part / name / f"{i}.{'png' if i % 2 else 'JPG'}")
    (tmp_path / "train" / "Ampel" / "notes.txt").write_text("no picture")
    (tmp_path / "train" / ".DS_Store").write_bytes(b"\0")
    (tmp_path / "train" / "c'est" / "empty.png").touch()
    return tmp_path


def on_pictures(pictures, *more):
    command = [sys.executable, SCRIPT, "--folder", pictures / "run", "--size", 16, *more]
    command = [*map(str, command), "--data", str(pictures / "train")]
    return subprocess.run(command, env=QUIET, capture_output=True, text=True, timeout=HANGS)


@pytest.mark.slow
def test_the_script_learns_from_folders_of_pictures(pictures):
    test = ["--test", pictures / "test"]
    done = on_pictures(pictures, *test, "--devices", 2, "--batch-size", 9, "--epochs", 12)
    assert done.returncode == 0, done.stderr
    assert "2 replica(s), 36 examples" in done.stdout
    assert re.findall(r"left out: .*?(\w+\.\w+) is", done.stdout) == ["notes.txt", "empty.png"]
    assert float(re.search(r"accuracy on .*: (\S+)", done.stdout)[1]) > 0.9
    facts = json.loads((pictures / "run" / "classes.json").read_text(encoding="utf-8"))
    assert facts["classes"] == ["Ampel", "Brief 信", "c'est"]
    model = keras.saving.load_model(pictures / "run" / "model.keras")
    blue = (np.full((1, *facts["shape"]), (40, 40, 250)) - facts["middle"]) / facts["spread"]
    assert facts["classes"][np.argmax(model(blue))] == "c'est"


@pytest.mark.slow
def test_the_script_resumes_only_its_own_run(pictures):
    """A finished backup of other pictures, classes or flags is refused, not called trained."""
    flags = "--batch-size", 9, "--epochs", 1
    assert on_pictures(pictures, *flags).returncode == 0
    again = on_pictures(pictures, *flags)
    assert again.returncode == 0, again.stderr
    assert "holds 1 epochs of this run, or more" in again.stdout
    weights = (pictures / "run" / "model.keras").read_bytes()
    refused = {"batch-size, learning-rate": on_pictures(pictures, "--learning-rate", 0.1)}
    first, *_ = (pictures / "train" / "Ampel").glob("*.png")
    Image.new("RGB", (20, 20)).save(first)
    refused["pictures"] = on_pictures(pictures, *flags)
    (pictures / "train" / "Ampel").rename(pictures / "train" / "Auto")
    refused["classes, pictures"] = on_pictures(pictures, *flags)
    (pictures / "run" / "run.json").unlink()
    for what, done in refused.items():
        assert f"a backup made with other {what}: take another --folder" in done.stderr
        assert "Traceback" not in done.stderr
    assert "a backup without run.json" in on_pictures(pictures, *flags).stderr
    assert (pictures / "run" / "model.keras").read_bytes() == weights


@pytest.mark.slow
def test_the_script_says_what_is_wrong_with_a_folder(pictures):
    shutil.rmtree(pictures / "test" / "Ampel")
    done = on_pictures(pictures, "--test", pictures / "test", "--epochs", 1)
    assert "has the classes ['Brief 信', \"c'est\"]" in done.stderr
    for path in (pictures / "train" / "Ampel").iterdir():
        path.unlink()
    assert "no picture in Ampel" in on_pictures(pictures).stderr


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """A folder of stand-ins for a cluster's programs, first on the path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    monkeypatch.chdir(ROOT)

    def add(name: str, script: str) -> None:
        (folder / name).write_text(f"#!/bin/bash\n{script}")
        (folder / name).chmod(0o755)

    return add


@pytest.mark.slow
def test_the_slurm_script_runs_with_two_tasks(programs, one_process, tmp_path, monkeypatch):
    """As Slurm's `srun` would start them on one machine."""
    programs(
        "srun",
        """\
[ "$1" = --kill-on-bad-exit=1 ] && shift
export SLURM_STEP_NUM_TASKS=2 SLURM_STEP_NODELIST=localhost SLURM_STEP_TASKS_PER_NODE=2
export SLURM_NTASKS=2 SLURM_STEP_NUM_NODES=1 SLURM_JOB_ID=1 SLURMD_NODENAME=localhost
SLURM_PROCID=1 SLURM_LOCALID=1 "$@" &
SLURM_PROCID=0 SLURM_LOCALID=0 "$@" && wait %1
""",
    )
    monkeypatch.setenv("SLURM_SUBMIT_DIR", str(tmp_path))
    subprocess.run(["bash", "examples/slurm.sh"], check=True, timeout=HANGS)
    assert_same(tmp_path / "run1", one_process / "single")


@pytest.mark.slow
def test_the_kubernetes_job_runs_with_two_pods(one_process, programs, tmp_path):
    """Its command, with the pods' names and the shared disk replaced."""
    service, job = yaml.safe_load_all((ROOT / "examples" / "kubernetes.yaml").read_text())
    pods = job["spec"]["template"]["spec"]
    assert service["metadata"]["name"] == pods["subdomain"]
    assert service["spec"]["selector"] == {"job-name": job["metadata"]["name"]}
    [container] = pods["containers"]
    [script] = container["args"]
    ports = free_ports(2)
    for index, port in enumerate(ports):
        name = f"{job['metadata']['name']}-{index}.{pods['subdomain']}"
        assert f"{name}:{container['ports'][0]['containerPort']}" in script
        script = script.replace(f"{name}:5000", f"localhost:{port}")
    script = script.replace("/shared", str(tmp_path))
    running = [
        subprocess.Popen(
            [*container["command"], script], env=os.environ | {"JOB_COMPLETION_INDEX": str(index)}
        )
        for index in range(job["spec"]["completions"])
    ]
    assert [pod.wait(HANGS) for pod in running] == [0, 0]
    assert_same(tmp_path / "run1", one_process / "single")
