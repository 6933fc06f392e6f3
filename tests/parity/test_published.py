"""Published files as Hugging Face reads them: names, settings, heads, pieces of words."""

import os
import random
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from published import change_config, change_weights

from aimodels.bert import BERT, BERTPretraining, from_checkpoint
from aimodels.checkpoint import FROM_PYTORCH
from aimodels.gpt import GPT
from aimodels.text import BytePairTokenizer, Vocabulary, WordPieceTokenizer

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

BERT_SIZES = {
    "vocab_size": 50, "hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 2,
    "intermediate_size": 40, "max_position_embeddings": 12,
}  # fmt: skip
GPT_SIZES = {"vocab_size": 50, "n_embd": 16, "n_head": 2, "n_layer": 2, "n_positions": 12}
RNG = np.random.default_rng(0)
IDS = RNG.integers(1, 50, (3, 9))
SEGMENTS = np.broadcast_to(np.arange(9) > 4, (3, 9)).astype("int64")


def written(kind, folder, **settings):
    """A model of theirs with random weights, in a folder."""
    torch.manual_seed(0)
    config, sizes = (
        (transformers.GPT2Config, GPT_SIZES)
        if "GPT2" in kind
        else (transformers.BertConfig, BERT_SIZES)
    )
    theirs = getattr(transformers, kind)(config(**{**sizes, **settings})).eval()
    for parameter in theirs.parameters():
        parameter.data = 0.3 * torch.randn_like(parameter)
    theirs.save_pretrained(folder)
    return theirs


def their_outputs(theirs):
    inputs = {"input_ids": torch.from_numpy(IDS)}
    if theirs.config.model_type == "bert":
        inputs["token_type_ids"] = torch.from_numpy(SEGMENTS)
    with torch.inference_mode():
        return theirs(**inputs, return_dict=True)


def difference(found, expected):
    return np.abs(np.array(found) - expected.numpy()).max()


def test_the_names_of_berts_first_files(tmp_path, parity):
    written("BertModel", tmp_path)

    def old(weights):
        return {
            name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
                "LayerNorm.bias", "LayerNorm.beta"
            ): weight
            for name, weight in weights.items()
        }

    change_weights(tmp_path, old)
    theirs = their_outputs(transformers.BertModel.from_pretrained(tmp_path).eval())
    tokens, pooled = BERT.from_checkpoint(tmp_path)((IDS, SEGMENTS))
    parity(
        "bert.BERT with gamma and beta",
        reference="transformers.BertModel",
        difference=max(
            difference(tokens, theirs.last_hidden_state), difference(pooled, theirs.pooler_output)
        ),
        bound=1e-5,
    )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_other_types_in_several_files(tmp_path, dtype):
    theirs = written("BertModel", tmp_path / "whole").to(getattr(torch, dtype))
    theirs.save_pretrained(tmp_path / "parts", max_shard_size="5KB")
    assert len(list((tmp_path / "parts").glob("model-*.safetensors"))) > 2
    tokens, _ = BERT.from_checkpoint(tmp_path / "parts")((IDS, SEGMENTS))
    assert difference(tokens, their_outputs(theirs.float()).last_hidden_state) <= 1e-5


# Each setting of the two configurations with another value than its own. Ours computes the same,
# or refuses it by name.
COMMON = {
    "output_hidden_states": True, "output_attentions": True, "return_dict": False,
    "chunk_size_feed_forward": 3, "problem_type": "regression", "use_cache": False,
    "bos_token_id": 7, "eos_token_id": 7, "initializer_range": 0.5, "is_encoder_decoder": True,
    "add_cross_attention": True, "tie_word_embeddings": False, "architectures": ["Another"],
    "id2label": {0: "a", 1: "b", 2: "c"}, "label2id": {"a": 0, "b": 1, "c": 2},
}  # fmt: skip
BERT_SETTINGS = COMMON | {
    "hidden_act": "relu", "layer_norm_eps": 0.1, "type_vocab_size": 3, "pad_token_id": 1,
    "is_decoder": True, "position_embedding_type": "relative_key", "classifier_dropout": 0.7,
    "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
}  # fmt: skip
GPT_SETTINGS = COMMON | {
    "activation_function": "relu", "layer_norm_epsilon": 0.1, "scale_attn_weights": False,
    "scale_attn_by_inverse_layer_idx": True, "reorder_and_upcast_attn": True, "n_inner": 24,
    "resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0, "pad_token_id": 3,
    "summary_type": "mean", "summary_use_proj": False, "summary_activation": "tanh",
    "summary_proj_to_labels": False, "summary_first_dropout": 0.0,
}  # fmt: skip
MADE_ELSEWHERE = {"transformers_version", "dtype", "model_type", "_name_or_path"}


@pytest.mark.parametrize(
    ("config", "sizes", "settings"),
    [("BertConfig", BERT_SIZES, BERT_SETTINGS), ("GPT2Config", GPT_SIZES, GPT_SETTINGS)],
)
def test_every_setting_of_theirs_is_tried(config, sizes, settings):
    keys = getattr(transformers, config)().to_dict().keys()
    assert keys - sizes.keys() - settings.keys() - MADE_ELSEWHERE == set()


REFUSED = {
    *("is_encoder_decoder", "add_cross_attention", "hidden_act", "layer_norm_eps"),
    *("type_vocab_size", "pad_token_id", "is_decoder", "position_embedding_type"),
    *("activation_function", "layer_norm_epsilon", "tie_word_embeddings"),
}
HARMLESS = {("BertModel", "tie_word_embeddings"), ("GPT2LMHeadModel", "pad_token_id")}
FORM = {"output_attentions", "return_dict", "add_cross_attention"}  # theirs would not run with them


@pytest.mark.filterwarnings("ignore:.*the model has one dropout rate")
@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        *(("BertModel", key, value) for key, value in BERT_SETTINGS.items()),
        *(("GPT2LMHeadModel", key, value) for key, value in GPT_SETTINGS.items()),
    ],
)
def test_each_setting_is_the_same_or_refused(tmp_path, kind, key, value):
    theirs = written(kind, tmp_path, **({} if key in FORM else {key: value}))
    change_config(tmp_path, **{key: value})
    is_bert = kind == "BertModel"
    load = BERT if is_bert else GPT
    if key in REFUSED and (kind, key) not in HARMLESS:
        with pytest.raises(ValueError, match=f"only {key} = .* is supported"):
            load.from_checkpoint(tmp_path)
    elif is_bert:
        found, expected = load.from_checkpoint(tmp_path)((IDS, SEGMENTS))[0], their_outputs(theirs)
        assert difference(found, expected.last_hidden_state) <= 1e-5
    else:
        found, expected = load.from_checkpoint(tmp_path)(IDS), their_outputs(theirs)
        assert difference(found, expected.logits) <= 1e-5


def test_attention_that_is_scaled_otherwise(tmp_path, parity):
    both = {"scale_attn_weights": False, "scale_attn_by_inverse_layer_idx": True}
    found = []
    for i, settings in enumerate([*({key: value} for key, value in both.items()), both]):
        theirs = written("GPT2LMHeadModel", tmp_path / str(i), **settings)
        plain = written("GPT2LMHeadModel", tmp_path / "plain")
        assert difference(their_outputs(plain).logits, their_outputs(theirs).logits) > 1e-3
        ours = GPT.from_checkpoint(tmp_path / str(i))
        found.append(difference(ours(IDS), their_outputs(theirs).logits))
    parity(
        "gpt.GPT with scaled attention",
        reference="transformers.GPT2LMHeadModel",
        difference=max(found),
        bound=1e-5,
    )


@pytest.mark.parametrize(
    "name", ["gelu_new", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_fast", "gelu_accurate"]
)
def test_names_of_the_same_activation(tmp_path, name):
    theirs = written("GPT2LMHeadModel", tmp_path, activation_function=name)
    assert difference(GPT.from_checkpoint(tmp_path)(IDS), their_outputs(theirs).logits) <= 1e-5


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("BertForSequenceClassification", "logits"),
        ("BertForTokenClassification", "logits"),
        ("BertForQuestionAnswering", "start_logits"),
        ("BertForMaskedLM", "logits"),
        ("BertForPreTraining", "prediction_logits"),
    ],
)
@pytest.mark.filterwarnings("ignore:.* has no ")
def test_checkpoints_with_a_head(tmp_path, kind, name):
    theirs = written(kind, tmp_path)
    expected = getattr(their_outputs(theirs), name)
    ours = from_checkpoint(tmp_path)
    if isinstance(ours, BERTPretraining):
        every = np.broadcast_to(np.arange(9), (3, 9))
        found = ours((IDS, SEGMENTS, every))[0]
    else:
        found = ours((IDS, SEGMENTS))
        found = found[..., 0] if name == "start_logits" else found
    assert difference(found, expected) <= 1e-5
    with torch.inference_mode():
        encoder = theirs.bert(torch.from_numpy(IDS), token_type_ids=torch.from_numpy(SEGMENTS))
    bare = BERT.from_checkpoint(tmp_path)((IDS, SEGMENTS))
    assert difference(bare[0], encoder.last_hidden_state) <= 1e-5
    if encoder.pooler_output is not None:
        assert difference(bare[1], encoder.pooler_output) <= 1e-5


@pytest.mark.parametrize("kind", ["BertForPreTraining", "GPT2LMHeadModel"])
def test_the_command_that_converts_pickles(tmp_path, kind):
    theirs = written(kind, tmp_path)
    (tmp_path / "model.safetensors").unlink()
    torch.save(theirs.state_dict(), tmp_path / "pytorch_model.bin")
    load = GPT if "GPT" in kind else BERT
    with pytest.raises(FileNotFoundError) as caught:
        load.from_checkpoint(tmp_path)
    assert str(caught.value).endswith(FROM_PYTORCH)
    python = f'"{sys.executable}"' + FROM_PYTORCH.removeprefix("python")
    subprocess.run(python, shell=True, check=True, cwd=tmp_path)
    ours = load.from_checkpoint(tmp_path)
    if load is GPT:
        assert difference(ours(IDS), their_outputs(theirs).logits) <= 1e-5
    else:
        with torch.inference_mode():
            encoder = theirs.bert(torch.from_numpy(IDS), token_type_ids=torch.from_numpy(SEGMENTS))
        assert difference(ours((IDS, SEGMENTS))[1], encoder.pooler_output) <= 1e-5


# Pieces of words

PIECES = [
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    *(p + c for c in "abcdefghijklmnopqrstuvwxyzASåéασςΣ42我爱" for p in ("", "##")),
    *("!", ".", "[", "]", "'", "！", "🙂", "mask", "##ας", "##ασ", "ﬁ", "한"),
]
HARD = [
    *("ΑΣ", "ΑΣ ΟΔΟΣ.", "İstanbul IĞDIR", "cafe\u0301 Å ÅNGSTRÖM", "ẞ ﬁ Ⅷ", "한국어"),
    *("a\ue000b", "\uf8ff", "a\U000f0000b", "a\U0010fffdb", "\ue001[MASK]\ue000"),
    *("[MASK]", "a[MASK]b", "[mask]", "[MASK", "[ MASK ]", "[MA\x00SK]", "[CLS] a [SEP]", "[PAD]"),
    *("我爱a", "a\u3400b", "\U00020000", "\U0002b820a", "\U0002b920a", "\uf900", "々〇"),
    *("a\x00b", "a\x85b", "a\u200db", "a\ufeffb", "a\u2028b", "a\x1cb", "a\u00a0b", "a\ufffdb"),
    *("👩\u200d💻❤\ufe0f", "1\ufe0f\u20e3", "🙂🙂", "a" * 100, "a" * 101, "\t\n\r", ""),
]


def hard_texts():
    rng, known = random.Random(0), unicodedata.ucd_3_2_0.category  # known to both sides' tables
    moved = {0x166D, 0x1885, 0x1886, 0x1734}  # of another kind since Hugging Face's tables
    pool = [chr(c) for c in range(1, 0x3100) if known(chr(c)) not in ("Cn", "Cs")]
    pool = [character for character in pool if ord(character) not in moved]
    pool += list("   abc A.Σςσİ") * 100 + [chr(c) for c in range(0x4E00, 0x4E80)]
    pool += [chr(c) for c in range(0xE000, 0xE020)] + [chr(c) for c in range(0x1F600, 0x1F640)]
    pool += ["[MASK]", "[SEP]", "[mask]", "[MASK", "\x00", "\u200d", "\ufe0f"] * 40
    return [*HARD, *("".join(rng.choices(pool, k=rng.randrange(30))) for _ in range(1500))]


@pytest.mark.parametrize("lowercase", [True, False])
def test_pieces_of_hard_texts(lowercase):
    ours = WordPieceTokenizer(PIECES, lowercase=lowercase)
    numbers = {piece: i for i, piece in enumerate(PIECES)}
    theirs = transformers.BertTokenizer(vocab=numbers, do_lower_case=lowercase)
    for text in hard_texts():
        assert ours(text) == theirs.tokenize(text), repr(text)


def test_the_files_of_their_tokenizers(tmp_path):
    theirs = transformers.BertTokenizer(vocab={piece: i for i, piece in enumerate(PIECES)})
    theirs.save_pretrained(tmp_path / "bert")
    names = {"start_token": "[CLS]", "end_token": "[SEP]"}
    vocabulary = Vocabulary.load(tmp_path / "bert" / "tokenizer.json", **names)
    assert list(vocabulary) == PIECES
    made = BytePairTokenizer.train(["low lower lowest", "newer wider"] * 3, num_merges=12)
    tokens = [*made.vocabulary, "<|endoftext|>"]
    theirs = transformers.GPT2Tokenizer(
        vocab={token: i for i, token in enumerate(tokens)}, merges=made.merges
    )
    theirs.save_pretrained(tmp_path / "gpt2")
    path = tmp_path / "gpt2" / "tokenizer.json"
    names = ("pad_token", "unknown_token", "start_token", "end_token")
    vocabulary = Vocabulary.load(path, **dict.fromkeys(names, "<|endoftext|>"))
    pairs = BytePairTokenizer.load(path)
    for text in [text for text in hard_texts() if "\ufffd" not in text][:300]:
        assert vocabulary.tokens_to_ids(pairs(text)) == theirs(text)["input_ids"]


@pytest.mark.parametrize("name", ["uncased", "chinese"])
def test_pieces_of_the_published_vocabularies(name):
    mirror = Path(os.environ.get("AIMODELS_MIRROR", "missing"))
    path = mirror / "bert_vocab" / f"bert-base-{name}-vocab.txt"
    if not path.exists():
        pytest.skip("needs AIMODELS_MIRROR with bert_vocab")
    vocabulary = Vocabulary.load(path, start_token="[CLS]", end_token="[SEP]")
    theirs = transformers.BertTokenizer(vocab={token: i for i, token in enumerate(vocabulary)})
    pieces = WordPieceTokenizer(vocabulary)
    for text in hard_texts():
        ids = theirs(text, add_special_tokens=False)["input_ids"]
        assert vocabulary.tokens_to_ids(pieces(text)) == ids, repr(text)
