"""Published checkpoints load, or one sentence says what they are and what to do."""

import json
import pickle
import re
import shutil
import warnings
import zipfile

import keras
import ml_dtypes
import numpy as np
import pytest
from published import change_config, change_weights, write_bert, write_gpt
from safetensors.numpy import load_file, save_file

from aimodels.bert import BERT, BERTPretraining, classifier, from_checkpoint, tagger
from aimodels.gpt import GPT

pytestmark = pytest.mark.rests_on_code

IDS = np.array([[2, 5, 6, 3], [2, 7, 3, 0]])


def filled(model):
    rng = np.random.default_rng(1)
    model.set_weights([0.3 * rng.normal(size=w.shape) for w in model.weights])
    return model


@pytest.fixture(scope="module")
def bert():
    sizes = {"hidden_dim": 8, "num_heads": 2, "num_layers": 2, "max_sequence_length": 12}
    return filled(BERT(20, **sizes))


@pytest.fixture(scope="module")
def gpt():
    return filled(GPT(20, hidden_dim=8, num_heads=2, num_layers=2, max_sequence_length=10))


@pytest.fixture
def bert_folder(bert, tmp_path):
    return write_bert(bert, tmp_path / "bert")


@pytest.fixture
def gpt_folder(gpt, tmp_path):
    return write_gpt(gpt, tmp_path / "gpt2")


def outputs(model):
    return [np.array(x) for x in model((IDS, 0 * IDS))]


def same(model, bert, tolerance=0.0):
    for found, wanted in zip(outputs(model), outputs(bert), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance)


# What loads


def renamed(pattern, replacement):
    return lambda weights: {re.sub(pattern, replacement, n): w for n, w in weights.items()}


def converted(dtype):
    return lambda weights: {n: w.astype(dtype) for n, w in weights.items()}


def with_buffers(weights):
    ids = np.arange(12)[None]
    return {**weights, "bert.embeddings.position_ids": ids}


def with_a_head(weights):
    return {**weights, "classifier.weight": np.eye(3, 8, dtype="f4"), "classifier.bias": np.ones(3)}


@pytest.mark.parametrize(
    ("change", "tolerance"),
    [
        (renamed(r"LayerNorm\.weight", "LayerNorm.gamma"), 0),
        (renamed(r"LayerNorm\.bias", "LayerNorm.beta"), 0),
        (renamed(r"^bert\.", ""), 0),
        (renamed(r"^bert\.", "model."), 0),
        (renamed(r"^bert\.", "module.bert."), 0),
        (renamed(r"^bert\.", "0.auto_model."), 0),
        (with_buffers, 0),
        (with_a_head, 0),
        (converted("float64"), 0),
        (converted("float16"), 1e-2),
        (converted(ml_dtypes.bfloat16), 5e-2),
    ],
)
def test_the_same_weights_under_other_names_and_types(bert, bert_folder, change, tolerance):
    change_weights(bert_folder, change)
    same(BERT.from_checkpoint(bert_folder), bert, tolerance)


@pytest.mark.parametrize("index", ["whole", "empty", "none"])
def test_sharded_weights(bert, bert_folder, index):
    path = bert_folder / "model.safetensors"
    weights, parts = load_file(path), 3
    path.unlink()
    where = {name: f"model-0000{i % parts + 1}-of-0000{parts}" for i, name in enumerate(weights)}
    where = {name: f"{part}.safetensors" for name, part in where.items()}
    for part in set(where.values()):
        save_file({n: w for n, w in weights.items() if where[n] == part}, bert_folder / part)
    if index != "none":
        content = {"metadata": {}, "weight_map": where} if index == "whole" else {}
        (bert_folder / "model.safetensors.index.json").write_text(json.dumps(content))
    same(BERT.from_checkpoint(bert_folder), bert)
    (bert_folder / "model-00002-of-00003.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"has no model-00002-of-00003.safetensors"):
        BERT.from_checkpoint(bert_folder)


def test_an_index_that_points_outside_is_refused(bert_folder):
    path = bert_folder / "model.safetensors"
    shutil.move(path, bert_folder.parent / "other.safetensors")
    index = {"weight_map": {"x": "../other.safetensors"}}
    (bert_folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ValueError, match=r"names '../other.safetensors', which is outside"):
        BERT.from_checkpoint(bert_folder)


def test_a_byte_order_mark_in_the_configuration(bert, bert_folder):
    path = bert_folder / "config.json"
    path.write_text("\ufeff" + path.read_text(), encoding="utf-8")
    same(BERT.from_checkpoint(bert_folder), bert)


def test_without_a_pooler_a_warning_says_so(bert, bert_folder):
    change_weights(bert_folder, lambda w: {n: a for n, a in w.items() if "pooler" not in n})
    with pytest.warns(UserWarning, match="has no pooler, so BERT's second output") as caught:
        loaded = BERT.from_checkpoint(bert_folder)
    assert len(caught) == 1
    np.testing.assert_array_equal(outputs(loaded)[0], outputs(bert)[0])


@pytest.mark.parametrize(
    ("architecture", "name", "make"),
    [
        ("BertForSequenceClassification", "classifier", classifier),
        ("BertForTokenClassification", "classifier", tagger),
        ("BertForQuestionAnswering", "qa_outputs", tagger),
    ],
)
def test_a_published_head_is_read(bert, bert_folder, architecture, name, make):
    rng = np.random.default_rng(2)
    kernel, bias = rng.normal(size=(8, 2)).astype("f4"), rng.normal(size=2).astype("f4")
    expected = make(bert, 2)
    expected.get_layer("head").set_weights([kernel, bias])
    head = {f"{name}.weight": kernel.T.copy(), f"{name}.bias": bias}
    change_config(bert_folder, architectures=[architecture])
    change_weights(bert_folder, lambda weights: weights | head)
    loaded = from_checkpoint(bert_folder)
    np.testing.assert_array_equal(loaded((IDS, 0 * IDS)), expected((IDS, 0 * IDS)))
    same(BERT.from_checkpoint(bert_folder), bert)


def test_a_head_that_nobody_names_is_refused(bert_folder):
    change_weights(bert_folder, with_a_head)
    with pytest.raises(ValueError, match=r"'architectures' in config.json must name the head"):
        from_checkpoint(bert_folder)
    with pytest.raises(
        ValueError, match=r"none of pre-training's heads: read it with BERT.from_ch"
    ):
        BERTPretraining.from_checkpoint(bert_folder)


def pretraining_heads(dim=8, size=20):
    rng = np.random.default_rng(3)
    shapes = {
        "predictions.transform.dense.weight": (dim, dim),
        "predictions.transform.dense.bias": (dim,),
        "predictions.transform.LayerNorm.weight": (dim,),
        "predictions.transform.LayerNorm.bias": (dim,),
        "predictions.bias": (size,),
        "seq_relationship.weight": (2, dim),
        "seq_relationship.bias": (2,),
    }
    return {f"cls.{n}": rng.normal(size=shape).astype("f4") for n, shape in shapes.items()}


def test_one_head_of_pretraining_is_enough(bert_folder):
    heads, inputs = pretraining_heads(), (IDS, 0 * IDS, IDS[:, 1:2] % 4)
    whole = load_file(bert_folder / "model.safetensors") | heads
    change_weights(bert_folder, lambda weights: whole)
    both = BERTPretraining.from_checkpoint(bert_folder)(inputs)
    for missing, kept, message in (
        ("cls.seq_relationship", 0, "no head for pairs of texts"),
        ("cls.predictions", 1, "no head for masked tokens"),
    ):
        part = {name: weight for name, weight in whole.items() if not name.startswith(missing)}
        change_weights(bert_folder, lambda weights, part=part: part)
        with pytest.warns(UserWarning, match=message):
            loaded = BERTPretraining.from_checkpoint(bert_folder)
        np.testing.assert_array_equal(loaded(inputs)[kept], both[kept])


@pytest.mark.parametrize("kept", ["input", "output", "both", "different"])
def test_tied_tables_may_be_stored_once(bert, bert_folder, gpt, gpt_folder, kept):
    def change(inner, outer):
        def changed(weights):
            weights[outer] = weights[inner].copy()
            if kept == "different":
                weights[outer][3] += 1
            if gone := {"input": outer, "output": inner}.get(kept):
                del weights[gone]
            return weights

        return changed

    output = "cls.predictions.decoder.weight"
    change_weights(gpt_folder, change("transformer.wte.weight", "lm_head.weight"))
    change_weights(bert_folder, lambda weights: weights | pretraining_heads())
    change_weights(bert_folder, change("bert.embeddings.word_embeddings.weight", output))
    same(BERT.from_checkpoint(bert_folder), bert)  # which has no use for the output's table
    if kept == "different":
        for load in (
            lambda: GPT.from_checkpoint(gpt_folder),
            lambda: BERTPretraining.from_checkpoint(bert_folder),
        ):
            with pytest.raises(ValueError, match=r"differs from .* only tied weights"):
                load()
    else:
        BERTPretraining.from_checkpoint(bert_folder)
        np.testing.assert_array_equal(GPT.from_checkpoint(gpt_folder)(IDS), gpt(IDS))


def test_what_the_caller_may_change(bert, bert_folder, gpt_folder):
    assert BERT.from_checkpoint(bert_folder, num_layers=1, dropout=0.2).config["dropout"] == 0.2
    assert GPT.from_checkpoint(gpt_folder, num_layers=1).config["num_layers"] == 1
    for load, folder in ((BERT, bert_folder), (GPT, gpt_folder)):
        with pytest.raises(ValueError, match=r"num_heads=4 does not fit the weights in .* have 2"):
            load.from_checkpoint(folder, num_heads=4)
        with pytest.raises(TypeError, match="no argument 'droput'; did you mean 'dropout'"):
            load.from_checkpoint(folder, droput=0.1)


def test_several_rates_of_dropout_are_said(bert_folder, gpt_folder):
    change_config(bert_folder, hidden_dropout_prob=0.3)
    with pytest.warns(UserWarning, match=r"0\.3, attention_probs_dropout_prob = 0\.1; outputs are"):
        assert BERT.from_checkpoint(bert_folder).config["dropout"] == 0.3
    with warnings.catch_warnings(action="error"):
        assert BERT.from_checkpoint(bert_folder, dropout=0.2).config["dropout"] == 0.2
    change_config(gpt_folder, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0)
    assert GPT.from_checkpoint(gpt_folder).config["dropout"] == 0


# GPT-2's settings


@pytest.mark.parametrize(
    ("setting", "factors"),
    [
        ({"scale_attn_weights": False}, (2, 2)),  # the root of 4, the size of a head
        ({"scale_attn_by_inverse_layer_idx": True}, (1, 1 / 2)),
        ({"scale_attn_by_inverse_layer_idx": True, "scale_attn_weights": False}, (2, 1)),
    ],
)
def test_attention_that_is_scaled_otherwise(gpt_folder, setting, factors):
    plain = GPT.from_checkpoint(gpt_folder)
    change_config(gpt_folder, **setting)
    scaled = GPT.from_checkpoint(gpt_folder)
    for i, factor in enumerate(factors):
        for name in ("kernel", "bias"):
            before, after = (
                getattr(model.get_layer(f"block{i + 1}").attention, name).numpy()
                for model in (plain, scaled)
            )
            before[..., :8] *= factor
            np.testing.assert_array_equal(after, before)


def test_names_of_the_same_activation(gpt, gpt_folder):
    for name in ("gelu_pytorch_tanh", "gelu_fast"):
        change_config(gpt_folder, activation_function=name)
        np.testing.assert_array_equal(GPT.from_checkpoint(gpt_folder)(IDS), gpt(IDS))


def test_tables_of_older_files_are_left_out(gpt, gpt_folder):
    mask = np.tril(np.ones((1, 1, 10, 10), "uint8"))
    buffers = {f"transformer.h.{i}.attn.bias": mask for i in range(2)}
    buffers |= {f"transformer.h.{i}.attn.masked_bias": np.float32([-1e4]) for i in range(2)}
    change_weights(gpt_folder, lambda weights: weights | buffers)
    np.testing.assert_array_equal(GPT.from_checkpoint(gpt_folder)(IDS), gpt(IDS))


# What is refused, by name


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"position_embedding_type": "relative_key"}, "position_embedding_type = 'absolute' is"),
        ({"is_decoder": True}, "only is_decoder = False is supported; got True"),
        ({"add_cross_attention": True}, "only add_cross_attention = False"),
        ({"is_encoder_decoder": True}, "only is_encoder_decoder = False"),
        ({"hidden_act": "relu"}, "only hidden_act = 'gelu'"),
        ({"layer_norm_eps": 1e-5}, "only layer_norm_eps = 1e-12"),
        ({"type_vocab_size": 3}, "only type_vocab_size = 2"),
        ({"pad_token_id": 1}, "only pad_token_id = 0"),
        ({"pruned_heads": {"0": [1]}}, "only pruned_heads"),
        ({"quantization_config": {"bits": 8}}, "only quantization_config"),
        ({"auto_map": {"AutoModel": "own.Model"}}, "names a program of its own"),
        ({"model_type": None}, "has no 'model_type'"),
        ({"model_type": "roberta"}, "holds a 'roberta' model, not a 'bert'"),
        ({"num_attention_heads": 3}, "8 must be divisible by num_heads=3"),
        ({"num_hidden_layers": 1}, "has 16 weights for which .* 'encoder.layer.1.attention"),
        ({"num_hidden_layers": 3}, "has no weight 'encoder.layer.2.attention.self.query.weight'"),
        ({"num_hidden_layers": "2"}, "num_layers must be an integer >= 1; got '2'"),
        ({"vocab_size": 21}, r"has the shape \(20, 8\), wanted \(21, 8\), as config.json says"),
    ],
)
def test_a_setting_that_makes_it_another_model(bert_folder, changes, message):
    change_config(bert_folder, **changes)
    with pytest.raises(ValueError, match=message) as caught:
        BERT.from_checkpoint(bert_folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "key",
    [
        *("vocab_size", "hidden_size", "num_attention_heads", "num_hidden_layers"),
        *("intermediate_size", "max_position_embeddings"),
        *("n_embd", "n_head", "n_layer", "n_positions"),
    ],
)
def test_a_missing_size_is_named(bert_folder, gpt_folder, key):
    load, folder = (GPT, gpt_folder) if key.startswith("n_") else (BERT, bert_folder)
    change_config(folder, **{key: None})
    with pytest.raises(ValueError, match=f"config.json has no '{key}'"):
        load.from_checkpoint(folder)


def with_nan(weights):
    weights["bert.pooler.dense.bias"][3] = np.nan
    return weights


def with_integers(weights):
    name = "bert.encoder.layer.1.output.dense.weight"
    return {**weights, name: weights[name].astype("int8")}


def with_two(weights):
    name = "bert.embeddings.LayerNorm."
    return {**weights, f"{name}gamma": weights[f"{name}weight"]}


def with_another(weights):
    return {**weights, "bert.encoder.layer.0.adapter.weight": np.ones(2, "f4")}


def with_a_head_of_its_own(weights):
    return {**weights, "crf.transitions": np.ones((2, 2), "f4")}


def with_two_models(weights):
    return {**weights, **{f"second.{name}": weight for name, weight in weights.items()}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (with_nan, "'pooler.dense.bias' has values that are NaN or infinite"),
        (with_integers, "'encoder.layer.1.output.dense.weight' has numbers of type I8"),
        (converted("int32"), "has numbers of type I32"),
        (with_two, "has two weights for 'embeddings.LayerNorm.weight'"),
        (with_another, "1 weights for which .* no place: 'encoder.layer.0.adapter.weight'"),
        (with_a_head_of_its_own, "no place: 'crf.transitions'"),
        (with_two_models, "holds several models: their prefixes are 'bert.', 'second.bert.'"),
        (lambda weights: {"x": np.ones(2)}, "has no weight 'embeddings.word_embeddings.weight'"),
    ],
)
def test_weights_that_do_not_fit(bert_folder, change, message):
    change_weights(bert_folder, change)
    with pytest.raises(ValueError, match=message) as caught:
        BERT.from_checkpoint(bert_folder)
    assert "\n" not in str(caught.value)


def test_weights_of_eight_bits_are_named(bert_folder):
    """A type that NumPy does not have, written by hand."""
    path = bert_folder / "model.safetensors"
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    data = bytearray(content[8 + length :])
    name = "bert.pooler.dense.bias"
    begin, end = header[name]["data_offsets"]
    header[name] = {"dtype": "F8_E4M3", "shape": [end - begin], "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    with pytest.raises(ValueError, match=r"'pooler.dense.bias' has numbers of type F8_E4M3"):
        BERT.from_checkpoint(bert_folder)


def truncated(content):
    return content[: len(content) // 2]


def lying(content):
    return content.replace(b'"shape":[20,8]', b'"shape":[20,9]', 1)


def beyond(content):
    return (10**12).to_bytes(8, "little") + content[8:]


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (truncated, "a file in .* is damaged: model.safetensors"),
        (lying, "a file in .* is damaged: model.safetensors"),
        (beyond, "a file in .* is damaged: model.safetensors"),
        (lambda content: content[:5], "a file in .* is damaged: model.safetensors"),
        (lambda content: b"Entry not found", "a file in .* is damaged: model.safetensors"),
        (lambda content: b"", "model.safetensors is empty: download it again"),
        (
            lambda content: b"version https://git-lfs.github.com/spec/v1\noid sha256:a\nsize 4\n",
            "model.safetensors is a Git LFS pointer, not the file",
        ),
        (lambda content: b"<!DOCTYPE html>\n<html>", "model.safetensors is a web page, not the f"),
        (lambda content: b"\n<HTML lang=en>", "model.safetensors is a web page, not the file"),
        (lambda content: pickle.dumps({"a": 1}), "PyTorch's pickle under another name"),
        (lambda content: b"GGUF\x03\x00\x00\x00", "is a GGUF file"),
    ],
)
def test_another_file_in_place_of_the_weights(bert_folder, harm, message):
    path = bert_folder / "model.safetensors"
    path.write_bytes(harm(path.read_bytes()))
    with pytest.raises(ValueError, match=message) as caught:
        BERT.from_checkpoint(bert_folder)
    assert str(bert_folder) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "config.json is empty"),
        (b"<!doctype html>", "config.json is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "config.json is a Git LFS pointer"),
        (b'{"model_type": ', "a file in .* is damaged: config.json"),
        (b"[1, 2]", r"config.json must hold a JSON object; got '\[1, 2\]'"),
        (b'{"error": "Repository not found"}', "config.json has no 'model_type'"),
        (b'{"model_type": "\xff"}', "config.json: line 1 is not UTF-8"),
    ],
)
def test_another_file_in_place_of_the_configuration(bert_folder, content, message):
    (bert_folder / "config.json").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        BERT.from_checkpoint(bert_folder)


def test_all_missing_sizes_are_named_at_once(bert_folder):
    (bert_folder / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ValueError, match=r"has no 'vocab_size', .*, 'max_position_embeddings', w"):
        BERT.from_checkpoint(bert_folder)


class Trap:
    """A pickle that leaves a trace when it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.safetensors"])
def test_a_pickle_is_never_loaded(bert_folder, name, tmp_path):
    (bert_folder / "model.safetensors").unlink()
    content = pickle.dumps(Trap(tmp_path / "trace"))
    (bert_folder / name).write_bytes(content)
    with pytest.raises((FileNotFoundError, ValueError), match="convert it elsewhere") as caught:
        BERT.from_checkpoint(bert_folder)
    assert "torch.load(f, weights_only=True)" in str(caught.value)
    with zipfile.ZipFile(bert_folder / name, "w") as archive:
        archive.writestr("archive/data.pkl", content)
    with pytest.raises((FileNotFoundError, ValueError), match="convert it elsewhere"):
        BERT.from_checkpoint(bert_folder)
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["pytorch_model.bin.index.json", "pytorch_model-00001-of-00002.bin"], "pytorch_model.bin"),
        (["tf_model.h5", "rust_model.ot"], "but rust_model.ot, tf_model.h5: convert or rename"),
        (["model.fp16.safetensors"], "but model.fp16.safetensors: convert or rename it"),
        (["adapter_config.json", "adapter_model.safetensors"], "holds an adapter, not a model"),
        (["README.md"], "has no model.safetensors: a checkpoint is a folder with config.json"),
    ],
)
def test_other_forms_of_weights_are_named(bert_folder, names, message):
    (bert_folder / "model.safetensors").unlink()
    for name in names:
        (bert_folder / name).write_bytes(b"x")
    with pytest.raises(FileNotFoundError, match=message):
        BERT.from_checkpoint(bert_folder)


def test_a_place_without_a_checkpoint(tmp_path):
    with pytest.raises(FileNotFoundError, match="bert-base-uncased is no folder: a checkpoint is"):
        BERT.from_checkpoint("bert-base-uncased")
    (tmp_path / "config.json").symlink_to(tmp_path / "blob")
    with pytest.raises(FileNotFoundError, match="is a link to a file that is not there"):
        GPT.from_checkpoint(tmp_path)
    (tmp_path / "config.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"has no config\.json"):
        GPT.from_checkpoint(tmp_path)


def test_a_loaded_model_can_be_saved(bert_folder, tmp_path):
    loaded = BERT.from_checkpoint(bert_folder)
    loaded.save(tmp_path / "model.keras")
    same(keras.models.load_model(tmp_path / "model.keras"), loaded)
