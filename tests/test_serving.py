"""Models over HTTP: what is found, loaded, asked and answered, in this process."""

import base64
import concurrent.futures
import contextlib
import io
import json
import shutil
import socket
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from serving_models import HANGS, Client, running, write_gaps, write_gpt, write_sounds

from aimodels.serving import completions, payload
from aimodels.serving.batching import Batcher
from aimodels.serving.folder import find
from aimodels.serving.gate import Limits
from aimodels.serving.servable import LoadError, RequestError, Servable, Signature, Tensor

pytestmark = pytest.mark.rests_on("aimodels", "benchmarks/results/serving.json", "docs/serving.md")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model of every kind."""
    import keras

    from aimodels import lite
    from aimodels.cnn import CNN
    from aimodels.detection import SSD
    from aimodels.gpt import GPT

    folder = tmp_path_factory.mktemp("models")
    model = CNN((8, 8, 1), num_classes=10, filters=(4, 8))
    model.save(folder / "digits.keras")
    (folder / "digits.json").write_text(json.dumps({"labels": list("abcdefghij")}))
    model.export(folder / "exported" / "1", verbose=False)
    CNN((8, 8, 1), num_classes=3, filters=(4,)).export(folder / "exported" / "12", verbose=False)
    detector = SSD((32, 32, 3), num_classes=3)
    detector.save(folder / "boxes.keras")
    lite.export_detector(detector, folder / "lite.tflite")
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(folder / "line.keras")
    parts = {name: keras.Input((2,), name=name) for name in ("left", "right")}
    joined = keras.layers.Concatenate()([parts["left"], parts["right"]])
    keras.Model(parts, {"sum": joined[:, :1], "all": joined}).save(folder / "two.keras")
    GPT(50, 16, num_heads=2, num_layers=1, max_sequence_length=8).save(folder / "raw.keras")
    write_gpt(folder / "writer")
    (folder / "small").mkdir()  # the same GPT with weights of 8 bits
    writer = keras.saving.load_model(folder / "writer" / "model.keras")
    lite.export(writer, folder / "small" / "gpt.tflite")
    for name in ("merges.txt", "vocabulary.txt"):
        shutil.copy(folder / "writer" / name, folder / "small")
    write_sounds(folder / "sounds")
    write_gaps(folder / "gaps")
    (folder / "notes.txt").write_text("no model")
    return folder


@pytest.fixture(scope="module")
def served(folder):
    from aimodels.serving.models import Models

    models = Models(find(folder))
    with running(models) as client:
        yield client, models


@pytest.fixture
def client(served):
    return served[0]


@pytest.fixture
def models(served):
    return served[1]


def stub(run, shape=(None, 2), **kwargs):
    """Models of one version whose work is the function `run`."""
    from aimodels.serving import models as module

    signature = Signature({"x": Tensor("float32", shape)}, {"y": Tensor("float32", shape)}, run)
    servable = Servable("tensor", {"serving_default": signature}, **kwargs)
    stubs = module.Models({"stub": {1: None}})
    original, module.load = module.load, lambda path: servable
    try:
        for version in stubs:
            version.load(32, 0.05, lambda rows: None)
    finally:
        module.load = original
    return stubs


def png(*size, colour=200, mode="L"):
    file = io.BytesIO()
    Image.new(mode, size, colour).save(file, "PNG")
    return {"b64": base64.b64encode(file.getvalue()).decode()}


def _save(folder, work, resource=None) -> None:
    """A SavedModel from texts to the same texts that does some work on the way."""
    import tensorflow as tf

    class Worker(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None,), tf.string)])
        def call(self, x):
            done = work(tf, x)
            return {"x": tf.identity(x)} | (done if isinstance(done, dict) else {})

    worker = Worker()
    worker.resource = resource
    tf.saved_model.save(worker, str(folder), worker.call)


def _join(text, line):
    return text + line


class TestFolder:
    def test_names_and_versions(self, folder):
        found = find(folder)
        assert {name: list(paths) for name, paths in found.items()} == {
            "boxes": [1],
            "digits": [1],
            "exported": [1, 12],
            "gaps": [1],
            "line": [1],
            "lite": [1],
            "raw": [1],
            "small": [1],
            "sounds": [1],
            "two": [1],
            "writer": [1],
        }
        assert list(find(folder / "exported")) == ["exported"]
        assert list(find(folder / "digits.keras")) == ["digits"]
        assert list(find(folder / "writer")) == ["writer"]

    @pytest.mark.parametrize(
        ("names", "said"),
        [
            ([], "there is no model in"),
            (["a b.keras"], "cannot be a model's name"),
            (["x.keras", "x.tflite"], "two models in .* are named 'x'"),
        ],
    )
    def test_what_cannot_be_served(self, tmp_path, names, said):
        for name in names:
            (tmp_path / name).write_bytes(b"")
        with pytest.raises(LoadError, match=said):
            find(tmp_path)
        with pytest.raises(LoadError, match="there is no"):
            find(tmp_path / "nowhere")

    def test_a_pickle_is_named_and_never_loaded(self, tmp_path):
        (tmp_path / "model.pkl").write_bytes(b"\x80\x04\x95\x00")
        with pytest.raises(LoadError, match=r"model\.pkl is a pickle.* never loaded"):
            find(tmp_path)


class TestLoading:
    @pytest.mark.parametrize(
        ("name", "content", "said"),
        [
            ("a.keras", b"\x80\x04\x95pickle", "is a pickle"),
            ("a.keras", b"version https://git-lfs.github.com/spec/v1", "Git LFS pointer"),
            ("a.keras", b"", "empty"),
            ("a.keras", b"PK\x03\x04 cut off", "zip archive|cut off"),
            ("a.tflite", b"TFL3 no such file", "a.tflite"),
            ("1/saved_model.pb", b"\x0a\xff\xff", "cannot be loaded"),
            ("1/run.json", b'{"model": "other"}', "which is not known"),
            ("1/run.json", b'{"model": "bert"}', "has not ended"),
            ("1/config.json", b"{", "no JSON"),
        ],
    )
    def test_damaged_files(self, tmp_path, name, content, said):
        from aimodels.serving.loading import load

        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        with pytest.raises(LoadError, match=said):
            load(path.parent if path.parent.name == "1" else path)

    def test_a_lambda_is_a_program_and_refused(self, tmp_path):
        import keras

        from aimodels.serving.loading import load

        model = keras.Sequential([keras.Input((1,)), keras.layers.Lambda(lambda x: x)])
        model.save(tmp_path / "a.keras")
        with pytest.raises(LoadError, match="lambda"):
            load(tmp_path / "a.keras")

    @pytest.mark.parametrize(
        ("operation", "work"),
        [
            ("ReadFile", lambda tf, x: tf.map_fn(tf.io.read_file, x)),
            ("WriteFile", lambda tf, x: tf.io.write_file(x[0], "text")),
            ("MatchingFiles", lambda tf, x: tf.io.matching_files(x)),
            ("PrintV2", lambda tf, x: tf.print(x, output_stream="file://" + __file__ + ".log")),
            ("TextLineDataset", lambda tf, x: tf.data.TextLineDataset(x).reduce("", _join)),
            ("TFRecordDataset", lambda tf, x: tf.data.TFRecordDataset(x).reduce("", _join)),
            ("RestoreV2", lambda tf, x: tf.raw_ops.RestoreV2(
                prefix=x[0], tensor_names=["a"], shape_and_slices=[""], dtypes=["float32"])),
            ("SaveV2", lambda tf, x: tf.raw_ops.SaveV2(
                prefix=x[0], tensor_names=["a"], shape_and_slices=[""], tensors=[[1.0]])),
            ("EagerPyFunc", lambda tf, x: tf.py_function(len, [x], "int32")),
            ("PyFunc", lambda tf, x: tf.numpy_function(len, [x], "int64")),
        ],
    )  # fmt: skip
    def test_a_graph_that_reads_or_writes_files_or_calls_python_is_refused(
        self, tmp_path, operation, work
    ):
        from aimodels.serving.loading import load

        _save(tmp_path / "1", work)
        with pytest.raises(LoadError, match=f"has the operation {operation},"):
            load(tmp_path / "1")

    def test_a_graph_that_works_on_texts_and_prints_to_the_log_is_served(self, tmp_path):
        from aimodels.serving.loading import load

        _save(tmp_path / "1", lambda tf, x: tf.print(tf.strings.lower(x)))
        assert list(load(tmp_path / "1").signatures) == ["serving_default"]

    def test_a_graph_that_writes_a_file_when_it_is_loaded_is_not_loaded(self, tmp_path):
        import tensorflow as tf

        from aimodels.serving.loading import load

        class Resource(tf.saved_model.experimental.TrackableResource):
            def _create_resource(self):
                return tf.raw_ops.VarHandleOp(dtype="float32", shape=())

            def _initialize(self):
                tf.cond(
                    tf.constant(True),
                    lambda: tf.io.write_file(str(tmp_path / "text"), ""),
                    tf.no_op,
                )

        resource = Resource()
        _save(tmp_path / "1", lambda tf, x: resource.resource_handle, resource)
        with pytest.raises(LoadError, match="has the operation WriteFile,"):
            load(tmp_path / "1")
        assert not (tmp_path / "text").exists()

    def test_a_vocabulary_among_the_assets_is_read(self, tmp_path):
        import tensorflow as tf

        from aimodels.serving.loading import load

        (tmp_path / "words.txt").write_text("to\nbe\n")
        index = tf.lookup.TextFileIndex
        words = tf.lookup.TextFileInitializer(
            str(tmp_path / "words.txt"), "string", index.WHOLE_LINE, "int64", index.LINE_NUMBER
        )
        table = tf.lookup.StaticHashTable(words, -1)
        _save(tmp_path / "1", lambda tf, x: {"id": table.lookup(x)}, table)
        run = load(tmp_path / "1").signatures["serving_default"].run
        assert run({"x": np.array([b"be", b"not"], object)})["id"].tolist() == [1, -1]

    def test_an_export_whose_weights_are_cut_off(self, folder, tmp_path):
        from aimodels.serving.models import Models

        shutil.copytree(folder / "exported", tmp_path / "exported")
        [weights] = (tmp_path / "exported" / "12" / "variables").glob("*.data*")
        weights.write_bytes(weights.read_bytes()[:100])
        models = Models(find(tmp_path))
        with running(models) as client:
            status, answer = client("/v1/models/exported")
            states = [(v["version"], v["state"]) for v in answer["model_version_status"]]
            assert (status, states) == (200, [("12", "END"), ("1", "AVAILABLE")])
            assert (
                "cannot be loaded" in answer["model_version_status"][0]["status"]["error_message"]
            )
            # The newest one that can answer does.
            assert (
                len(
                    client.predict("exported", np.zeros((1, 8, 8, 1)).tolist())[1]["predictions"][0]
                )
                == 10
            )
            status, answer = client.predict("exported/versions/12", [])
            assert status == 503
            assert "cannot be loaded" in answer["error"]
            assert client("/readyz")[0] == 200


class TestRest:
    def test_predictions_are_the_models(self, client, folder, rng):
        import keras

        x = rng.random((5, 8, 8, 1)).astype("float32")
        wanted = keras.saving.load_model(folder / "digits.keras")(x).numpy()
        for name in ("digits", "exported/versions/1"):
            status, answer = client.predict(name, x.tolist())
            assert status == 200
            np.testing.assert_allclose(answer["predictions"], wanted, atol=1e-5)
            path = f"/v1/models/{name}:predict"
            np.testing.assert_allclose(
                client(path, {"inputs": x.tolist()})[1]["outputs"], wanted, atol=1e-5
            )
            named = {"instances": [{"image": row} for row in x.tolist()]}
            if name == "digits":
                np.testing.assert_allclose(client(path, named)[1]["predictions"], wanted, atol=1e-5)

    def test_several_inputs_and_outputs_by_name(self, client):
        row = {"left": [1, 2], "right": [3, 4]}
        wanted = {"sum": [1], "all": [1, 2, 3, 4]}
        assert client.predict("two", [row, row]) == (200, {"predictions": [wanted, wanted]})
        columns = {"inputs": {"right": [[3, 4]], "left": [[1, 2]]}}
        answer = client("/v1/models/two:predict", columns)[1]
        assert answer == {"outputs": {name: [value] for name, value in wanted.items()}}
        uneven = {"inputs": {"left": [[1, 2]], "right": [[1, 2], [3, 4]]}}
        assert "same number" in client("/v1/models/two:predict", uneven)[1]["error"]
        assert client.predict("two", [[1, 2]])[0] == 400
        assert client.predict("line", [[0, 0, 0]]) == (200, {"predictions": [[0, 0]]})

    def test_the_newest_version_unless_another_is_asked_for(self, client):
        x = np.zeros((1, 8, 8, 1)).tolist()
        sizes = {
            name: len(client.predict(name, x)[1]["predictions"][0])
            for name in ("exported", "exported/versions/1", "exported/versions/12")
        }
        assert sizes == {"exported": 3, "exported/versions/1": 10, "exported/versions/12": 3}
        rows = client("/v1/models/exported")[1]["model_version_status"]
        assert [(row["version"], row["state"]) for row in rows] == [
            ("12", "AVAILABLE"),
            ("1", "AVAILABLE"),
        ]
        [row] = client("/v1/models/exported/versions/1")[1]["model_version_status"]
        assert row["version"] == "1"

    def test_metadata(self, client):
        status, answer = client("/v1/models/digits/metadata")
        assert status == 200
        assert answer["model_spec"] == {"name": "digits", "signature_name": "", "version": "1"}
        signature = answer["metadata"]["signature_def"]["signature_def"]["serving_default"]
        image = signature["inputs"]["image"]
        assert image["dtype"] == "DT_FLOAT"
        assert [d["size"] for d in image["tensor_shape"]["dim"]] == ["-1", "8", "8", "1"]
        assert signature["method_name"] == "tensorflow/serving/predict"
        assert answer["metadata"]["aimodels"]["labels"] == list("abcdefghij")

    def test_a_picture_as_b64_is_scaled_to_the_model(self, client):
        from_file = client.predict("digits", [png(50, 70, colour=255)])[1]["predictions"]
        from_numbers = client.predict("digits", np.ones((1, 8, 8, 1)).tolist())[1]["predictions"]
        np.testing.assert_allclose(from_file, from_numbers, atol=1e-5)

    @pytest.mark.parametrize("name", ["boxes", "lite"])
    def test_boxes_come_in_the_pixels_of_the_picture(self, client, name):
        status, answer = client.predict(name, [png(64, 64, mode="RGB", colour=(9, 200, 90))])
        assert status == 200
        [found] = answer["predictions"]
        small = np.full((1, 32, 32, 3), np.array([9, 200, 90]) / 255).tolist()
        [same] = client.predict(name, small)[1]["predictions"]
        assert set(found) == {"boxes", "confidence", "labels", "num_detections"}
        boxes = np.clip(2 * np.array(same["boxes"]), 0, 64)
        np.testing.assert_allclose(found["boxes"], boxes, atol=1e-3)

    def test_texts_are_translated(self, client, folder):
        import keras

        from aimodels import decoding, text

        model = keras.saving.load_model(folder / "sounds" / "model.keras")
        source, target = (
            text.Vocabulary.load(folder / "sounds" / f"{name}.txt") for name in ("source", "target")
        )
        ids, _ = decoding.greedy(model, source.encode([[*"hello"], [*"he"]], 8), max_length=8)
        wanted = [" ".join(sounds) for sounds in target.decode(ids)]
        assert client.predict("sounds", ["hello", "he"]) == (200, {"predictions": wanted})
        assert client.predict("sounds", ["he"]) == (200, {"predictions": wanted[1:]})
        assert client.predict("sounds", ["hellohello"])[0] == 400

    def test_gaps_are_filled(self, client, folder):
        import keras

        model = keras.saving.load_model(folder / "gaps" / "model.keras")
        ids = {w: i for i, w in enumerate((folder / "gaps" / "vocabulary.txt").read_text().split())}
        row = [ids[token] for token in ("[CLS]", "who", "[MASK]", "[MASK]", "[SEP]")]
        tokens = np.array([row])
        logits = np.array(model((tokens, 0 * tokens, np.array([[2, 3]])))[0])
        wanted = " ".join([*ids][i] for i in logits[0].argmax(-1))
        answer = client.predict("gaps", ["who [MASK] [MASK]", "[MASK] you"])[1]["predictions"]
        assert answer[0] == wanted
        assert len(answer[1].split()) == 1
        assert client.predict("gaps", ["who are you"])[0] == 400

    def test_a_token_that_the_model_does_not_know_is_the_clients_fault(self, client):
        for row in ([1, 2, 300], [-1], [1] * 9):
            status, answer = client.predict("raw", [row])
            assert status == 400, answer
        assert client.predict("raw", [[1, 2, 3]])[0] == 200

    def test_unknown_places(self, client):
        for path in (
            "/v1/models/none",
            "/v1/models/digits/versions/7",
            "/v1/models/digits/versions/x",
            "/v1/models/digits/versions/1e1",
            "/v1/models/digits/versions/" + "9" * 5000,
            "/v1/models/..%2f..%2fetc%2fpasswd",
            "/v1/models/%2e%2e/metadata",
            "/v1/models/" + "a" * 5000,
            "/v1/models/digits%00/metadata",
            "/v1/models/",
            "/../../etc/passwd",
            "/page.html",
            "/none",
        ):
            status, answer = client(path)
            assert (status, list(answer)) == (404, ["error"]), path
        assert client("/v1/models/digits:predict")[0] in (404, 405)
        assert client("/v1/models", {})[0] == 405

    def test_the_list_is_openais(self, client):
        status, answer = client("/v1/models")
        assert (status, answer["object"]) == (200, "list")
        assert {"digits", "writer"} <= {model["id"] for model in answer["data"]}
        assert client("/v1/models/writer")[1]["id"] == "writer"

    def test_counts_for_prometheus(self, client):
        from prometheus_client.parser import text_string_to_metric_families

        client.predict("digits", np.zeros((3, 8, 8, 1)).tolist())
        with contextlib.closing(client.connection()) as connection:
            connection.request("GET", "/metrics")
            content = connection.getresponse().read().decode()
        samples = {
            (s.name, *s.labels.values()): s.value
            for family in text_string_to_metric_families(content)
            for s in family.samples
        }
        assert samples["aimodels_requests_total", "predict", "200"] >= 1
        assert samples["aimodels_batch_rows_sum", "digits"] >= 3
        assert ("aimodels_waiting", "digits") in samples


WRONG = {  # body -> what the answer says
    b"": "no JSON",
    b"{": "no JSON",
    b"\xff\xfe": "no JSON",
    b"[" * 100_000: "no JSON",
    b'{"instances": [%s]}' % (b"9" * 6000): "no JSON|finite|different|hold",
    b"[1]": "must be a JSON object; got a list",
    b"null": "must be a JSON object; got a null",
    b'{"instances": [[NaN]]}': "NaN is no number of JSON",
    b'{"instances": [[-Infinity]]}': "-Infinity is no number",
    b"{}": "either instances or inputs",
    b'{"instances": [[1, 2]], "inputs": [[1, 2]]}': "either instances or inputs",
    b'{"instances": [[1, 2]], "more": 1}': "unknown field 'more'",
    b'{"instances": [[1, 2]], "signature_name": 1}': "signature_name must be a text",
    b'{"instances": [[1, 2]], "signature_name": "x"}': "no signature 'x'",
    b'{"instances": []}': "not empty",
    b'{"instances": {}}': "must be a list",
    b'{"instances": "text"}': "must be a list",
    b'{"instances": [[1, 2], {"x": [1, 2]}]}': "instance 0 must be an object with x; got a list",
    b'{"instances": [{"z": [1, 2]}]}': "instance 0 must be an object with x; got z",
    b'{"instances": [{"x": [1, 2], "z": 1}]}': "got x, z",
    b'{"inputs": {"z": [[1, 2]]}}': "must be an object with x; got z",
    b'{"inputs": 5}': "must be a list of examples",
    b'{"inputs": []}': "must be a list of examples",
    b'{"instances": [[1, 2, 3]]}': r"shape \(2\); got \(3,\)",
    b'{"instances": [1, 2]}': r"shape \(2\); got \(\)",
    b'{"instances": [[1, 2], [3]]}': "rows of different lengths",
    b'{"instances": [[[1, 2]]]}': r"shape \(2\)",
    b'{"instances": [["a", "b"]]}': "takes numbers of float32; got text",
    b'{"instances": [[1, "b"]]}': "takes numbers of float32; got text",
    b'{"instances": [[true, false]]}': "got true or false",
    b'{"instances": [[null, 1]]}': "got something else",
    b'{"instances": [[{}, 1]]}': "got something else",
    b'{"instances": [{"b64": "AAAA"}]}': "no b64",
    b'{"instances": [[1e39, 1]]}': "not finite",
    b'{"instances": [[1e999, 1]]}': "not finite",
}


class TestPayload:
    SERVABLE = Servable(
        "tensor", {"serving_default": Signature({"x": Tensor("float32", (None, 2))}, {}, None)}
    )

    @pytest.mark.parametrize("body", WRONG, ids=lambda body: body[:30].decode("latin-1"))
    def test_what_is_wrong_is_said(self, body):
        with pytest.raises(RequestError, match=WRONG[body]) as caught:
            payload.parse(body, self.SERVABLE)
        assert caught.value.status == 400

    @pytest.mark.parametrize(
        ("dtype", "right", "wrong"),
        [
            ("int32", [[1, 2]], [[[1.5, 2]], [[2**40, 1]], [[True, False]], [["1", "2"]]]),
            ("uint8", [[0, 255]], [[[-1, 0]], [[256, 0]]]),
            ("bool", [[True, False]], [[[0, 1]], [["true", "false"]]]),
            ("float64", [[1, 2.5]], [[["1", "2"]]]),
        ],
    )
    def test_types(self, dtype, right, wrong):
        servable = Servable("tensor", {"s": Signature({"x": Tensor(dtype, (None, 2))}, {}, None)})

        def read(rows):
            return payload.parse(json.dumps({"instances": rows}).encode(), servable).inputs["x"]

        assert read(right).dtype == dtype
        assert read(right).tolist() == right
        for rows in wrong:
            with pytest.raises(RequestError):
                read(rows)

    def test_texts_and_bytes(self):
        servable = Servable("text", {"s": Signature({"x": Tensor("bytes", (None,))}, {}, None)})
        body = {"instances": ["naïve", {"b64": base64.b64encode(b"\xff\x00").decode()}]}
        request = payload.parse(json.dumps(body).encode(), servable)
        assert request.inputs["x"].tolist() == ["naïve".encode(), b"\xff\x00"]
        outputs = {"x": request.inputs["x"]}
        answer = json.loads(payload.answer(request, outputs, servable))
        assert answer == {"predictions": body["instances"]}
        for wrong in ([1], [None], ["\ud800"], [{"b64": "*"}], [{"b64": 5}]):
            with pytest.raises(RequestError):
                payload.parse(json.dumps({"instances": wrong}).encode(), servable)

    def test_too_many_rows_and_too_long_answers(self):
        rows = [[1, 2]] * (payload.MAX_ROWS + 1)
        with pytest.raises(RequestError, match="1 to 256 examples; got 257"):
            payload.parse(json.dumps({"instances": rows}).encode(), self.SERVABLE)
        request = payload.parse(b'{"instances": [[1, 2]]}', self.SERVABLE)
        large = np.broadcast_to(np.float32(0), (1, payload.MAX_NUMBERS + 1))
        with pytest.raises(RequestError, match="ask for fewer"):
            payload.answer(request, {"y": large}, self.SERVABLE)

    @pytest.mark.parametrize(
        "content", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"<svg/>", b"\xff\xd8\xff\xe0", b"BM"]
    )
    def test_what_is_no_picture(self, client, content):
        status, answer = client.predict("digits", [{"b64": base64.b64encode(content).decode()}])
        assert status == 400
        assert "picture" in answer["error"]

    def test_damaged_pictures(self, client, rng):
        """Each byte of a picture may be another one: never the server's fault."""
        file = io.BytesIO()
        Image.fromarray(rng.integers(0, 255, (9, 9, 3), "uint8")).save(file, "PNG")
        for _ in range(60):
            content = bytearray(file.getvalue())
            for place in rng.integers(0, len(content), 3):
                content[place] = rng.integers(256)
            status, _ = client.predict("digits", [{"b64": base64.b64encode(content).decode()}])
            assert status in (200, 400)

    def test_many_large_pictures_at_a_time(self, client):
        status, answer = client.predict("digits", [png(4000, 4000, mode="1", colour=1)] * 3)
        assert status == 400
        assert "million pixels" in answer["error"]

    def test_a_picture_of_many_pixels_is_not_unpacked(self, client):
        status, answer = client.predict("digits", [png(20_000, 20_000, mode="1", colour=1)])
        assert status == 400
        assert "million pixels" in answer["error"]


class TestBatching:
    def test_what_waits_is_computed_together(self):
        sizes, go = [], threading.Event()

        def run(numbers):
            go.wait()
            sizes.append(len(numbers))
            return [2 * number for number in numbers]

        batcher = Batcher(run, batch_size=4)
        futures = [batcher.submit("key", i) for i in range(9)]
        go.set()
        assert [future.result() for future in futures] == [2 * i for i in range(9)]
        batcher.close()
        assert max(sizes) == 4
        assert len(sizes) <= 4  # 1 or more that were there first, then fours

    def test_only_equal_keys_share_a_batch(self):
        seen, go = [], threading.Event()

        def run(contents):
            go.wait()
            seen.append(set(contents))
            return contents

        batcher = Batcher(run)
        futures = [batcher.submit(key, key) for key in "ababab"]
        go.set()
        assert [future.result() for future in futures] == list("ababab")
        batcher.close()
        assert all(len(batch) == 1 for batch in seen)

    def test_one_that_fails_does_not_spoil_the_others(self):
        go = threading.Event()

        def run(numbers):
            go.wait()
            if 3 in numbers:
                raise ValueError("3")
            return numbers

        batcher = Batcher(run)
        futures = [batcher.submit("key", i) for i in range(6)]
        go.set()
        for i, future in enumerate(futures):
            if i == 3:
                assert isinstance(future.exception(), ValueError)
            else:
                assert future.result() == i
        batcher.close()

    def test_what_is_cancelled_is_not_computed(self):
        seen, go = [], threading.Event()

        def run(numbers):
            go.wait()
            seen.extend(numbers)
            return numbers

        batcher = Batcher(run, batch_size=1)
        futures = [batcher.submit("key", i) for i in range(4)]
        assert futures[2].cancel()
        go.set()
        batcher.close()
        assert seen == [0, 1, 3]

    def test_a_full_queue_and_a_closed_one(self):
        go = threading.Event()
        batcher = Batcher(lambda numbers: [go.wait()], batch_size=1, queue_size=2)
        futures = []
        with pytest.raises(RequestError, match="2 requests are waiting") as caught:
            futures += [batcher.submit("key", i) for i in range(5)]
        assert caught.value.status == 503
        go.set()
        batcher.close()
        with pytest.raises(RequestError, match="stopping"):
            batcher.submit("key", 1)

    def test_large_bodies_by_many_clients(self, client, rng):
        x = rng.random((128, 8, 8, 1)).round(3)
        assert len(json.dumps(x.tolist())) > 40_000
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = [*pool.map(lambda _: client.predict("digits", x.tolist()), range(8))]
        assert [status for status, _ in answers] == [200] * 8
        assert all(len(answer["predictions"]) == 128 for _, answer in answers)

    def test_many_clients_get_their_own_answers(self, client, rng):
        x = rng.random((40, 8, 8, 1)).round(3)
        wanted = client.predict("digits", x.tolist())[1]["predictions"]
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            answers = pool.map(lambda row: client.predict("digits", [row]), x.tolist())
            found = [answer["predictions"][0] for _, answer in answers]
        np.testing.assert_allclose(found, wanted, atol=1e-4)


class TestFailures:
    def test_a_model_that_raises(self):
        def run(inputs):
            if inputs["x"][0, 0] == 0:
                raise RuntimeError("a secret of the server")
            return {"y": np.where(inputs["x"] == 1, np.nan, inputs["x"])}

        with running(stub(run)) as client:
            status, answer = client.predict("stub", [[0, 1]])
            assert (status, answer) == (500, {"error": "the model failed: RuntimeError"})
            status, answer = client.predict("stub", [[1, 1]])
            assert status == 500
            assert "NaN or infinity" in answer["error"]
            assert client.predict("stub", [[2, 2]]) == (200, {"predictions": [[2, 2]]})

    def test_a_model_that_gives_another_number_of_rows(self):
        for run in (np.sum, lambda x: x[1:]):
            with running(stub(lambda inputs, run=run: {"y": run(inputs["x"])})) as client:
                assert client.predict("stub", [[1, 2]])[0] == 500

    def test_a_fixed_batch_is_filled_up(self):
        seen = []

        def run(inputs):
            seen.append(len(inputs["x"]))
            return {"y": 2 * inputs["x"]}

        with running(stub(run, shape=(4, 2), batch_size=4)) as client:
            rows = [[i, i] for i in range(6)]
            wanted = [[2 * i, 2 * i] for i in range(6)]
            assert client.predict("stub", rows)[1]["predictions"] == wanted
        assert seen == [4, 4]

    def test_an_answer_that_takes_too_long(self):
        go = threading.Event()
        limits = Limits(answer=0.3)
        with running(stub(lambda inputs: {"y": go.wait() * inputs["x"]}), limits) as client:
            status, answer = client.predict("stub", [[1, 2]])
            assert (status, answer) == (504, {"error": "no answer within 0.3 seconds"})
            go.set()
            assert client.predict("stub", [[1, 2]])[0] == 200

    def test_while_it_is_loading(self, folder):
        from aimodels.serving.models import Models

        models = Models(find(folder / "digits.keras"))
        [version] = models
        version.state = "WAITS"  # so that `running` does not load it
        with running(models) as client:
            version.state = "LOADING"
            assert client("/healthz")[0] == 200
            assert client("/readyz")[0] == 503
            assert client.predict("digits", [])[0] == 503
            version.load(32, 0, lambda rows: None)
            assert client("/readyz")[0] == 200


class TestGate:
    @pytest.fixture
    def echo(self):
        return stub(lambda inputs: {"y": inputs["x"]})

    def test_the_token(self, echo):
        with running(echo, token="sesame-öffne".encode().hex()) as client:
            right, bare = client.token, Client(client.port)
            for given in (None, "", "Bearer", "Bearer ", "Bearer x", f"Basic {right}", right):
                headers = {} if given is None else {"Authorization": given}
                for path in ("/v1/models", "/v1/models/stub:predict", "/metrics", "/none"):
                    body = {"instances": [[1, 2]]} if "predict" in path else None
                    status, answer = bare(path, body, **headers)
                    assert (status, list(answer)) == (401, ["error"])
            bad = {"Authorization": f"Bearer {right}\xff"}
            assert bare("/v1/models", **bad)[0] == 401
            assert client("/v1/models")[0] == 200
            assert bare("/v1/models", Authorization=f"bearer  {right}")[0] == 200
            assert bare("/healthz")[0] == bare("/readyz")[0] == 200

    def test_the_token_is_compared_in_constant_time(self):
        import ast
        import inspect

        from aimodels.serving import gate

        tree = ast.parse(inspect.getsource(gate.Gate))
        calls = [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]
        assert "hmac.compare_digest" in calls
        compared = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Compare)]
        assert not [line for line in compared if "token" in line or "given" in line]

    def test_other_sites_and_other_names_for_this_machine(self, echo):
        with running(echo) as client:
            assert client("/v1/models", Origin="https://example.org")[0] == 403
            assert client("/v1/models", Host="example.org")[0] == 403
            assert client("/v1/models", Host="example.org:80")[0] == 403
            own = f"127.0.0.1:{client.port}"
            assert client("/v1/models", Host=own, Origin=f"http://{own}")[0] == 200
            assert client("/v1/models", Host=f"localhost:{client.port}")[0] == 200

    def test_large_bodies(self, echo):
        with running(echo, Limits(body=1000)) as client:
            path = "/v1/models/stub:predict"
            assert client(path, b" " * 1001)[0] == 413
            assert client(path, b" " * 5_000_000)[0] == 413
            assert client(path, b'{"instances": [[1, 2]]}' + b" " * 977)[0] == 200
            with contextlib.closing(client.connection()) as connection:
                pieces = (b" " * 500 for _ in range(100))  # in chunks, of no length
                connection.request("POST", path, pieces, encode_chunked=True)
                assert connection.getresponse().status == 413
            lie = {"Content-Length": "99999999999999999999999"}
            assert client(path, b"", **lie)[0] in (400, 413)
            assert client(path, b"{}", **{"Content-Encoding": "gzip"})[0] == 415

    def test_slow_clients(self, echo):
        with running(echo, Limits(read=0.3), headers=1) as client:
            for sent, status in (
                (b"", 408),  # nothing
                (b"GET / HT", 408),  # half a line
                (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ", 408),
                (
                    b"POST /v1/models/stub:predict HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                    b"Content-Length: 20\r\n\r\n{",
                    408,
                ),
            ):
                with socket.create_connection(("127.0.0.1", client.port)) as slow:
                    slow.sendall(sent)
                    head, _, body = _everything(slow).partition(b"\r\n\r\n")
                    assert head.split()[1] == str(status).encode()
                    assert list(json.loads(body)) == ["error"]
            assert client.predict("stub", [[1, 2]])[0] == 200

    def test_bytes_that_are_no_http(self, echo, rng):
        with running(echo) as client:
            for sent in (
                b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                b"GET / HTTP/9.9\r\n\r\n",
                b"GET /\x00 HTTP/1.1\r\n\r\n",
                b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
                b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
                b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
                b"GET / HTTP/1.1\r\nX: " + b"a" * 300_000,
                b"GET /" + b"a" * 300_000,
                *(rng.bytes(50) + b"\r\n\r\n" for _ in range(20)),
            ):
                with socket.create_connection(("127.0.0.1", client.port)) as connection:
                    with contextlib.suppress(OSError):
                        connection.sendall(sent)
                        connection.shutdown(socket.SHUT_WR)
                    answer = _everything(connection)
                    assert not answer or 400 <= int(answer.split()[1]) < 500, sent[:40]
            assert client("/healthz")[0] == 200

    def test_too_many_at_a_time(self, until):
        go = threading.Event()
        stubs = stub(lambda inputs: {"y": go.wait() * inputs["x"]})
        with running(stubs, Limits(requests=3)) as client:
            with concurrent.futures.ThreadPoolExecutor(3) as pool:
                held = [pool.submit(client.predict, "stub", [[1, 2]]) for _ in range(3)]
                until(lambda: client("/healthz")[0] == 503)
                go.set()
                assert [future.result()[0] for future in held] == [200] * 3
            assert client("/healthz")[0] == 200

    def test_a_client_that_takes_no_answer_is_let_go(self, until):
        large = np.ones((1, 3_000_000), "float32")
        with running(stub(lambda inputs: {"y": large}), Limits(write=0.5)) as client:
            body = b'{"instances": [[1, 2]]}'
            head = b"POST /v1/models/stub:predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d"
            with socket.socket() as greedy:
                greedy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                greedy.connect(("127.0.0.1", client.port))
                greedy.sendall(head % len(body) + b"\r\n\r\n" + body)
                assert greedy.recv(8).startswith(b"HTTP")

                def seen():
                    with contextlib.closing(client.connection()) as connection:
                        connection.request("GET", "/metrics")
                        text = connection.getresponse().read()
                    return b'route="predict",status="200"} 1.0' in text

                until(seen)  # the request has ended, though nobody took its answer


def _everything(connection) -> bytes:
    connection.settimeout(600)
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


@pytest.fixture(scope="module")
def generator(folder):
    from aimodels.text_generator import TextGenerator

    return TextGenerator.load(folder / "writer")


class TestCompletions:
    @pytest.mark.parametrize(
        "options",
        [
            {"temperature": 0},
            {"temperature": 0.8, "seed": 5},
            {"temperature": 1, "top_p": 0.7, "seed": 6},
        ],
    )
    def test_the_text_is_what_generate_writes(self, client, generator, options):
        asked = {"model": "writer", "prompt": "to be", "max_tokens": 90, **options}
        wanted = generator.generate("to be", 90, **options)
        assert len(wanted) > 20
        status, answer = client("/v1/completions", asked)
        assert status == 200
        assert answer["choices"][0]["text"] == wanted
        assert answer["choices"][0]["finish_reason"] == "length"
        assert answer["usage"]["completion_tokens"] == 90
        *events, done = client.stream(**asked, stream_options={"include_usage": True})
        assert done == "[DONE]"
        *events, usage = events
        assert "".join(e["choices"][0]["text"] for e in events) == wanted
        assert len(events) > 20  # piece by piece
        assert events[-1]["choices"][0]["finish_reason"] == "length"
        assert usage["usage"] == answer["usage"]

    def test_together_each_is_as_if_alone(self, client, generator):
        prompts = ["to be", "q", "that is the question", "or not", "to"]
        asked = [
            {"model": "writer", "prompt": p, "max_tokens": 12, "temperature": 0.9, "seed": i}
            for i, p in enumerate(prompts * 3)
        ]
        with concurrent.futures.ThreadPoolExecutor(15) as pool:
            answers = [*pool.map(lambda one: client("/v1/completions", one)[1], asked)]
        for one, answer in zip(asked, answers, strict=True):
            wanted = generator.generate(one["prompt"], 12, temperature=0.9, seed=one["seed"])
            assert answer["choices"][0]["text"] == wanted

    def test_a_gpt_of_litert_writes_what_it_writes_alone(self, client, generator, folder):
        from aimodels.lite import LiteGPT
        from aimodels.text_generator import TextGenerator

        small = LiteGPT(folder / "small" / "gpt.tflite")
        alone = TextGenerator(small, generator.tokenizer, generator.vocabulary)
        asked = {"model": "small", "prompt": ["to be", "or"], "max_tokens": 8, "seed": 3}
        wanted = [alone.generate(p, 8, temperature=1.0, seed=3) for p in asked["prompt"]]
        answer = client("/v1/completions", asked)[1]
        assert [choice["text"] for choice in answer["choices"]] == wanted

    def test_several_prompts_and_several_texts(self, client, generator):
        asked = {"model": "writer", "prompt": ["to be", "or"], "n": 2, "max_tokens": 8, "seed": 3}
        answer = client("/v1/completions", asked)[1]
        wanted = [
            generator.generate(prompt, 8, temperature=1.0, seed=seed)
            for prompt in ("to be", "or")
            for seed in (3, 4)
        ]
        assert [choice["text"] for choice in answer["choices"]] == wanted
        assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2, 3]
        texts = ["", "", "", ""]
        for event in client.stream(**asked):
            if event != "[DONE]":
                texts[event["choices"][0]["index"]] += event["choices"][0]["text"]
        assert texts == wanted

    def test_stop(self, client, generator):
        whole = generator.generate("to be", 60)
        stop = whole[10:13]
        asked = {"model": "writer", "prompt": "to be", "max_tokens": 60, "temperature": 0}
        asked["stop"] = [stop, "never written"]
        [choice] = client("/v1/completions", asked)[1]["choices"]
        assert choice["text"] == whole[: whole.index(stop)]
        assert choice["finish_reason"] == "stop"
        pieces = [e["choices"][0]["text"] for e in client.stream(**asked) if e != "[DONE]"]
        assert "".join(pieces) == choice["text"]

    def test_token_ids_are_a_prompt_too(self, client, generator):
        ids = generator.prompt_ids("to be")
        asked = {"model": "writer", "max_tokens": 8, "temperature": 0}
        texts = [
            [c["text"] for c in client("/v1/completions", {**asked, "prompt": p})[1]["choices"]]
            for p in ("to be", ids, [ids], ["to be"])
        ]
        assert texts[1:] == texts[:1] * 3

    @pytest.mark.parametrize(
        ("change", "status", "said"),
        [
            ({"model": "none"}, 404, "no model 'none'"),
            ({"model": "digits"}, 400, "writes no text"),
            ({"model": None}, 400, "model must name"),
            ({"prompt": None}, 400, "prompt must be"),
            ({"prompt": ""}, 400, "empty"),
            ({"prompt": []}, 400, "not empty"),
            ({"prompt": [1, "a"]}, 400, "a prompt must be"),
            ({"prompt": [-1]}, 400, "token ids must be 0 to"),
            ({"prompt": [10**30]}, 400, "token ids must be 0 to"),
            ({"prompt": "\ud800"}, 400, "half a character"),
            ({"prompt": ["to"] * 33}, 400, "at most 32"),
            ({"n": 33}, 400, "n must be"),
            ({"n": True}, 400, "n must be"),
            ({"max_tokens": 0}, 400, "max_tokens must be an integer from 1 to 2048"),
            ({"max_tokens": 1e9}, 400, "max_tokens must be an integer"),
            ({"temperature": -1}, 400, "temperature must be"),
            ({"temperature": 1e-5}, 400, "temperature must be 0 or at least"),
            ({"temperature": "hot"}, 400, "temperature must be"),
            ({"top_p": 0}, 400, "top_p must be"),
            ({"seed": -1}, 400, "seed must be"),
            ({"seed": 2**70}, 400, "seed must be"),
            ({"stop": [""]}, 400, "stop must be"),
            ({"stop": ["a"] * 5}, 400, "stop must be"),
            ({"stream": "yes"}, 400, "stream must be true or false"),
            ({"logprobs": 3}, 400, "logprobs is not supported"),
            ({"echo": True}, 400, "echo is not supported"),
            ({"tools": []}, 400, "unknown field 'tools'"),
        ],
    )
    def test_what_is_wrong_is_said_in_openais_form(self, client, change, status, said):
        asked = {"model": "writer", "prompt": "to be", **change}
        found, answer = client("/v1/completions", asked)
        assert found == status
        assert said in answer["error"]["message"]
        assert answer["error"]["type"] == "invalid_request_error"

    def test_a_client_that_leaves_stops_its_text(self, client, models, monkeypatch, until):
        version, take = models.version("writer"), completions.Choice.take
        taken, left = [], []

        def slow(choice, token_id):
            taken.append(token_id)
            take(choice, token_id)
            if choice.text and not left:  # the client reads this and leaves
                left.append((choice.cancelled.wait(HANGS), len(taken)))

        monkeypatch.setattr(completions.Choice, "take", slow)
        events = client.stream(model="writer", prompt="to be", max_tokens=2048, seed=1)
        next(events)
        events.close()
        asked = {"model": "writer", "prompt": "to", "max_tokens": 2}
        assert client("/v1/completions", asked)[0] == 200  # its place is free again
        assert left == [(True, len(taken) - 2)]
        until(lambda: version.waiting == 0)

    def test_a_stream_that_takes_too_long_says_so(self, folder):
        from aimodels.serving.models import Models

        models = Models(find(folder / "writer"))
        with running(models, Limits(answer=0.5)) as client:
            asked = {"model": "writer", "prompt": "to be", "max_tokens": 2048, "n": 32}
            status, answer = client("/v1/completions", asked)
            assert (status, answer["error"]["type"]) == (504, "server_error")
            *_, last = client.stream(**asked)
            assert "no answer within" in last["error"]["message"]

    def test_half_characters_wait_for_their_other_half(self):
        class Letters:
            stop_token_ids = (9,)

            def detokenize(self, ids):
                return bytes(i for i in ids if i != 9).decode("utf-8", "replace")

        told = []
        choice = completions.Choice(Letters(), [1], 10)
        choice.tell = told.append
        for byte in "aé€".encode():
            choice.take(byte)
        choice.take(9)
        assert told == ["a", "é", "€"]
        assert (choice.text, choice.finish_reason) == ("aé€", "stop")


def test_seeds_of_a_batch_are_those_of_single_texts(folder):
    from aimodels.decoding import generate
    from aimodels.text_generator import TextGenerator

    model = TextGenerator.load(folder / "writer").model
    prompts, seeds = [[5, 6], [7], [5, 6]], [3, 4, 3]
    together = generate(model, prompts, 6, temperature=1.0, seed=seeds)
    for prompt, seed, answer in zip(prompts, seeds, together, strict=True):
        [alone] = generate(model, [prompt], 6, temperature=1.0, seed=seed)
        assert alone.tolist() == answer.tolist()
    with pytest.raises(ValueError, match="one per prompt: 3 prompts, 2 seeds"):
        generate(model, prompts, 6, temperature=1.0, seed=[1, 2])


def test_what_the_docs_say_was_measured():
    """`docs/serving.md`, and the figures that `benchmarks/serving.py` wrote."""
    path = Path(__file__).parents[1] / "benchmarks" / "results" / "serving.json"
    figures = json.loads(path.read_text())["figures"]
    assert figures["clients"] == 32
    assert figures["GPT, 32 tokens"]["ratio"] >= 3
    assert figures["CNN, 28 x 28"]["ratio"] < 3
    assert figures["a minute"]["failed"] == 0
    assert figures["stream"]["text is generate's"]
    ours, theirs = (figures["one CNN"][peer] for peer in ("ours", "LitServe"))
    assert ours["requests a second"] > theirs["requests a second"]
    assert ours["MB"] < theirs["MB"]
    assert ours["SIGTERM"] == {
        "running": 32,
        "answered": 32,
        "exit code": 0,
        "processes left": 0,
    }
    assert theirs["SIGTERM"]["processes left"] > 0
    assert figures["SIGTERM, GPT"] == ours["SIGTERM"]
