"""Tokens of strings = tokens of tensors = the published ones; nothing is lost on the way back."""

import collections
import importlib.util
import itertools
import json
import os
import random
import sys
import tempfile
import time
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from aimodels import text
from aimodels.text import segmentation

pytestmark = pytest.mark.rests_on("aimodels")

SENTENCES = [
    "",
    " ",
    "Don't panic: it's 42.50 €!\tNew\nline",
    "我爱深度学习，也爱 TensorFlow 2！々〇⼙",
    "naïve café cafe\u0301 ÅNGSTRÖM ΑΣ İstanbul Ελληνικά русский 한국어",
    "a\u00a0b\u3000c\u2028d\x00e\ufffdf\x85g\x1ch\x0bi",
    "emoji 🙂👩‍💻❤️ 1️⃣ and x² ½ ﬁ Ⅷ",
    "x" * 101 + " " + "é" * 100,
]
PIECES = [
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]"),
    *(p + c for c in "abcdefghijklmnopqrstuvwxyzéασς42" for p in ("", "##")),
    *("panic", "##anic", "##an", "don", "tensor", "##flow", "我", "爱", "！", "'", ":", "!", "🙂"),
]


def trained():
    return text.BytePairTokenizer.train(SENTENCES * 3, num_merges=40)


def all_tokenizers():
    plain = [text.WordTokenizer(), text.WhitespaceTokenizer(), text.CharacterTokenizer()]
    pieces = [text.WordPieceTokenizer(PIECES), text.WordPieceTokenizer(PIECES, lowercase=False)]
    return [*plain, *pieces, trained()]


def random_texts(number, seed):
    """Characters of many kinds, known to Unicode 3.2 and so to every engine; spaces and ASCII."""
    rng = random.Random(seed)
    known = unicodedata.ucd_3_2_0.category
    pool = [chr(c) for c in range(1, 0x3100) if known(chr(c)) not in ("Cn", "Cs")]
    pool += list("   abcdefgh ABC'!.123") * 100 + [chr(c) for c in range(0x4E00, 0x4E80)]
    pool += [chr(c) for c in range(0x1F600, 0x1F640)]  # 😀: four bytes
    return ["".join(rng.choices(pool, k=rng.randrange(30))) for _ in range(number)]


def decoded(ragged):
    return [[token.decode() for token in row] for row in ragged.to_list()]


# Strings and tensors


@pytest.mark.parametrize("tokenizer", all_tokenizers(), ids=lambda t: type(t).__name__)
def test_tensors_and_strings_have_the_same_tokens(tokenizer):
    texts = SENTENCES + random_texts(500, seed=1)
    expected = tokenizer(texts)
    assert decoded(tokenizer(tf.constant(texts))) == expected
    assert tokenizer([one.encode() for one in texts]) == expected
    assert sum(map(len, expected)) > 500


@pytest.mark.parametrize("tokenizer", all_tokenizers(), ids=lambda t: type(t).__name__)
def test_in_a_dataset(tokenizer):
    data = tf.data.Dataset.from_tensor_slices(SENTENCES)
    single = [[t.decode() for t in row.numpy()] for row in data.map(tokenizer)]
    [batch] = data.batch(len(SENTENCES)).map(tokenizer)
    assert single == decoded(batch) == tokenizer(SENTENCES)
    assert decoded(tokenizer(tf.constant(SENTENCES))) == single  # what a graph made serves outside
    assert tokenizer(tf.constant([], tf.string)).to_list() == []


def test_chinese_words():
    pytest.importorskip("jieba")
    words = text.ChineseTokenizer()
    assert words("我来到北京清华大学 OK") == ["我", "来到", "北京", "清华大学", "OK"]
    assert decoded(words(tf.constant(SENTENCES))) == words(SENTENCES)


def test_words_of_a_user(tmp_path):
    pytest.importorskip("jieba")
    sentence = "云计算平台的创新办主任"
    assert "创新办" not in text.ChineseTokenizer()(sentence)
    path = tmp_path / "words.txt"
    path.write_text("\ufeff云计算 5\r\n创新办\t3\ti\r\n\r\n", encoding="utf-8", newline="")
    for user_dictionary in (path, str(path), ["云计算", "创新办"]):
        words = text.ChineseTokenizer(user_dictionary)(sentence)
        assert words == ["云计算", "平台", "的", "创新办", "主任"]
    assert "创新办" not in text.ChineseTokenizer()(sentence)  # a dictionary of one's own
    path.write_bytes("云计算 5\n创新办 3\n".encode("gbk"))
    with pytest.raises(ValueError, match="line 1 is not UTF-8"):
        text.ChineseTokenizer(path)
    with pytest.raises(FileNotFoundError, match=r"there is no .*; its folder holds words\.txt"):
        text.ChineseTokenizer(tmp_path / "word.txt")


@pytest.mark.parametrize("home", ["new", "old", "damaged", "a file", "none"])
def test_where_jieba_keeps_its_dictionary(home, tmp_path, monkeypatch, capfd):
    """In the user's own folder or nowhere: nothing is left in a shared one, nothing is printed."""
    jieba = pytest.importorskip("jieba")
    shared, own = tmp_path / "shared", tmp_path / "own"
    cache = own / "aimodels" / f"jieba-{jieba.__version__}" / "jieba.cache"
    shared.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(shared))
    monkeypatch.setenv("XDG_CACHE_HOME", str(own))
    if home == "old":
        text.ChineseTokenizer()
        monkeypatch.setattr(jieba.Tokenizer, "gen_pfdict", None)  # which makes it anew
    elif home == "damaged":
        cache.parent.mkdir(parents=True)
        cache.write_bytes(b"no dictionary")
    elif home == "a file":
        own.write_text("in the way")
    elif home == "none":
        monkeypatch.setenv("XDG_CACHE_HOME", os.path.join(os.devnull, "cache"))
    assert text.ChineseTokenizer()("我来到清华大学") == ["我", "来到", "清华大学"]
    assert capfd.readouterr() == ("", "")
    assert not list(shared.iterdir())
    if home in ("new", "old", "damaged"):
        assert [path.name for path in cache.parent.iterdir()] == ["jieba.cache"]
        assert cache.stat().st_size > 1_000_000


def test_where_there_is_no_home(monkeypatch, tmp_path):
    pytest.importorskip("jieba")

    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert text.ChineseTokenizer()("我来到清华大学") == ["我", "来到", "清华大学"]
    assert not list(tmp_path.iterdir())


def test_unknown_characters_take_no_quadratic_time():
    jieba = pytest.importorskip("jieba")
    words, rng = text.ChineseTokenizer(), random.Random(0)
    rare = [chr(rng.randrange(0x4E00, 0x9FA5)) for _ in range(40_000)]

    def seconds(length):
        start = time.process_time()
        words("".join(rare[:length]))
        return time.process_time() - start

    seconds(1000)
    # Twenty times the letters: 400 times the work if it were quadratic.
    assert seconds(40_000) < 100 * max(seconds(2_000), 1e-3)
    assert jieba.finalseg.viterbi is segmentation._viterbi


def test_the_hidden_states_are_jiebas():
    pytest.importorskip("jieba")
    fresh = importlib.util.find_spec("jieba.finalseg")
    theirs = importlib.util.module_from_spec(fresh)
    fresh.loader.exec_module(theirs)
    rng, tables = random.Random(1), (theirs.start_P, theirs.trans_P, theirs.emit_P)
    for length in (1, 2, 3, 10, 100) * 20:
        characters = "".join(chr(rng.randrange(0x4E00, 0x9FA5)) for _ in range(length))
        expected = theirs.viterbi(characters, "BMES", *tables)
        assert segmentation._viterbi(characters, "BMES", *tables) == expected


def test_chinese_words_without_jieba(monkeypatch):
    monkeypatch.setitem(sys.modules, "jieba", None)
    with pytest.raises(ImportError, match="pip install jieba"):
        text.ChineseTokenizer()


def test_what_the_plain_tokenizers_find():
    words, spaces, characters = (tokenizer(SENTENCES) for tokenizer in all_tokenizers()[:3])
    assert words[0] == words[1] == []
    assert words[2][:8] == ["Don", "'", "t", "panic", ":", "it", "'", "s"]
    assert words[2][8:] == ["42", ".", "50", "€", "!", "New", "line"]
    assert words[4][2] == "cafe\u0301"  # the accent stays with its letter
    assert words[6][:6] == ["emoji", "🙂", "👩", "💻", "❤️", "1️⃣"]
    assert spaces[2] == ["Don't", "panic:", "it's", "42.50", "€!", "New", "line"]
    assert characters[3] == list("我爱深度学习，也爱TensorFlow2！々〇⼙")


@pytest.mark.parametrize("wrong", [1, [["a"]]])
def test_tensors_that_are_no_texts(wrong):
    with pytest.raises(ValueError, match="texts must be strings of shape"):
        text.WordTokenizer()(tf.constant(wrong))


# Byte pairs


@pytest.fixture(scope="module")
def pairs():
    return trained()


def test_no_character_is_lost(pairs):
    for one in SENTENCES + random_texts(300, seed=2):
        assert pairs.detokenize(pairs(one)) == one


def test_no_byte_is_lost(pairs):
    rng = np.random.default_rng(0)
    texts = [rng.bytes(n) for n in range(60)]
    back = [
        pairs.detokenize(pairs(t), "surrogateescape").encode(errors="surrogateescape")
        for t in texts
    ]
    assert back == texts
    tokens = pairs(tf.constant(texts))
    assert [pairs.detokenize(t.decode() for t in row) for row in tokens.to_list()] == [
        one.decode(errors="replace") for one in texts
    ]


def test_every_token_is_in_the_vocabulary(pairs):
    assert len(pairs.vocabulary) == len(set(pairs.vocabulary)) == 256 + len(pairs.merges)
    assert {t for row in pairs(SENTENCES) for t in row} <= set(pairs.vocabulary)


def joined(word, pair):
    """Every place where the pair stands, from the left; as slowly as can be."""
    for i in range(len(word) - 1):
        if word[i : i + 2] == list(pair):
            return [*word[:i], "".join(pair), *joined(word[i + 2 :], pair)]
    return word


def naive_words(texts):
    one_each = text.BytePairTokenizer([])
    return [
        list(w) for t in texts for w in ("".join(one_each(p)) for p in one_each._WORDS.findall(t))
    ]


TEXTS = [
    "the cat sat on the mat, that cat",
    "a rat at the hat",
    "aaaaa aaaa aaa",
    "abababab 我爱我",
]


@pytest.mark.parametrize("merges", [5, 30])
def test_training_joins_the_most_frequent_pair_each_time(merges):
    """Against counting everything anew after each pair."""
    texts = TEXTS * 2 + random_texts(30, seed=5)
    words, expected = naive_words(texts), []
    for _ in range(merges):
        found = collections.Counter(pair for word in words for pair in itertools.pairwise(word))
        expected.append(min(found, key=lambda pair: (-found[pair], pair)))
        words = [joined(word, expected[-1]) for word in words]
    tokenizer = text.BytePairTokenizer.train(texts, merges)
    assert tokenizer.merges == expected
    assert [t for one in texts for t in tokenizer(one)] == [t for word in words for t in word]


def test_tokens_are_those_of_the_definition():
    """The same token in two ways, so that an early pair can come late."""
    merges = ["b c", "a b", "ab c", "abc a", "a bc", "aa a", "a a", "abc d"]
    tokenizer = text.BytePairTokenizer(merge.split() for merge in merges)
    for letters in itertools.product("abcd", repeat=6):
        word = list(letters)
        while ranked := [p for p in itertools.pairwise(word) if p in tokenizer.merges]:
            word = joined(word, min(ranked, key=tokenizer.merges.index))
        assert tokenizer("".join(letters)) == word


def test_training_ends_when_no_pair_comes_twice():
    assert text.BytePairTokenizer.train(["ab ab cd"], num_merges=9).merges == [("a", "b")]
    with pytest.raises(TypeError, match="texts must be a list of strings"):
        text.BytePairTokenizer.train("abc", num_merges=1)


def test_a_long_word_takes_no_quadratic_time(pairs):
    def seconds(letters):
        """The least of three: other work on the machine, or of Python's, only adds."""
        took = []
        for _ in range(3):
            start = time.process_time()
            pairs._joined("lane" * (letters // 4))
            took.append(time.process_time() - start)
        return min(took)

    seconds(1000)
    # Twenty times the letters: 400 times the work if it were quadratic.
    assert seconds(100_000) < 100 * max(seconds(5_000), 1e-3)


def test_saved_merges_are_the_same(pairs, tmp_path):
    pairs.save(tmp_path / "merges.txt")
    assert text.BytePairTokenizer.load(tmp_path / "merges.txt").merges == pairs.merges


def test_a_file_that_has_no_merges(tmp_path):
    path = tmp_path / "merges.txt"
    path.write_text("#version: 0.2\na b\na b c\n", encoding="utf-8")
    with pytest.raises(ValueError, match="each line must be a pair; got 'a b c'"):
        text.BytePairTokenizer.load(path)


def test_tokens_of_another_tokenizer(pairs):
    with pytest.raises(ValueError, match="'我' stands for no byte"):
        pairs.detokenize(["我"])


@pytest.mark.parametrize(
    ("content", "merges"),
    [
        ("\ufeff#version: 0.2\nl o\n", [("l", "o")]),
        ("\ufeffl o\n", [("l", "o")]),
        ("#version: 0.2\r\nl o\r\nlo w\r\n", [("l", "o"), ("lo", "w")]),
        (
            "#version: 0.2 - Trained by `huggingface/tokenizers`\nl o\nlo w",
            [("l", "o"), ("lo", "w")],
        ),
        ("l o \n\nlo w\n\n", [("l", "o"), ("lo", "w")]),
        ("# #\nĠ #\n", [("#", "#"), ("Ġ", "#")]),
    ],
)
def test_published_merges(tmp_path, content, merges):
    (tmp_path / "merges.txt").write_text(content, encoding="utf-8", newline="")
    assert text.BytePairTokenizer.load(tmp_path / "merges.txt").merges == merges


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("#version: 0.2\no f</w>\nt h\n", "line 2: 'o f</w>' marks the end .* as subword-nmt"),
        (
            '"bpe_simple_vocab_16e6.txt#version: 0.2\ni n\nt h</w>\n',
            "subword-nmt, fastBPE and CLIP",
        ),
        ("t h</w> 1234\n", "line 1: 't h</w> 1234' marks the end of a word with </w>"),
        ("▁ t\n", "line 1: '▁' in '▁ t' stands for no byte"),
        ("我 们\n", "'我' in '我 们' stands for no byte"),
        ("404: Not Found", "line 1: each line must be a pair; got '404: Not Found'"),
        ("<!DOCTYPE html>", "is a web page, not the file"),
        ("version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer, not the file"),
        ("", "is empty"),
    ],
)
def test_merges_of_another_kind_are_named(tmp_path, content, message):
    (tmp_path / "merges.txt").write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=message) as caught:
        text.BytePairTokenizer.load(tmp_path / "merges.txt")
    assert "merges.txt" in str(caught.value)
    assert "\n" not in str(caught.value)


def tokenizer_json(**changes):
    model = {"type": "BPE", "vocab": {"l": 0, "o": 1, "lo": 2}, "merges": ["l o"]}
    content = {
        "added_tokens": [{"id": 3, "content": "<|endoftext|>"}],
        "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True},
        "model": {**model, **changes.pop("model", {})},
    }
    return json.dumps({**content, **changes})


@pytest.mark.parametrize("merges", [["l o"], [["l", "o"]]])
def test_a_tokenizer_json_of_byte_pairs(tmp_path, merges):
    path = tmp_path / "tokenizer.json"
    path.write_text(tokenizer_json(model={"merges": merges}), encoding="utf-8")
    assert text.BytePairTokenizer.load(path).merges == [("l", "o")]
    names = dict.fromkeys(
        ("pad_token", "unknown_token", "start_token", "end_token"), "<|endoftext|>"
    )
    assert list(text.Vocabulary.load(path, **names)) == ["l", "o", "lo", "<|endoftext|>"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            tokenizer_json(model={"type": "WordPiece"}),
            "the type 'WordPiece' that differs .* in type",
        ),
        (tokenizer_json(normalizer={"type": "NFC"}), "'BPE' that differs .* in normalizer"),
        (tokenizer_json(pre_tokenizer={"type": "Split"}), "differs from GPT-2's in pre_tokenizer"),
        (
            tokenizer_json(pre_tokenizer={"type": "ByteLevel", "add_prefix_space": True}),
            "in add_prefix_space",
        ),
        (tokenizer_json(model={"end_of_word_suffix": "</w>"}), "in end_of_word_suffix"),
        ('{"a": 0}', "holds no merges: read merges.txt or tokenizer.json"),
        ("[", "damaged"),
    ],
)
def test_a_tokenizer_json_of_another_kind(tmp_path, content, message):
    (tmp_path / "tokenizer.json").write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        text.BytePairTokenizer.load(tmp_path / "tokenizer.json")


# Pieces of words


def test_the_longest_piece_wins_and_an_unknown_word_is_one_token():
    pieces = text.WordPieceTokenizer(PIECES)
    assert pieces("Panic, now!") == ["panic", "[UNK]", "n", "##o", "##w", "!"]
    assert pieces("我爱深 x²") == ["我", "爱", "[UNK]", "[UNK]"]
    assert pieces("Café") == ["c", "##a", "##f", "##e"]
    assert text.WordPieceTokenizer(PIECES, lowercase=False)("café C") == [
        *("c", "##a", "##f", "##é", "[UNK]")
    ]
    assert pieces("n" * 101) == ["[UNK]"]
    assert pieces("n" * 100) == ["n", *["##n"] * 99]


def test_pieces_without_tensorflow_text(monkeypatch):
    texts = SENTENCES + random_texts(100, seed=6)
    expected = text.WordPieceTokenizer(PIECES)(texts)
    monkeypatch.setitem(sys.modules, "tensorflow_text", None)
    assert decoded(text.WordPieceTokenizer(PIECES)(tf.constant(texts))) == expected


def test_a_vocabulary_without_the_unknown_token():
    with pytest.raises(ValueError, match=r"the vocabulary has no \[UNK\]"):
        text.WordPieceTokenizer(["a"])


def test_the_name_of_a_special_token_is_that_token():
    pieces = text.WordPieceTokenizer(["[UNK]", "[CLS]", "[MASK]", "<é\\\\>", "[", "]", "mask", "a"])
    cases = {
        "A[MASK]a, [CLS]": ["a", "[MASK]", "a", "[UNK]", "[CLS]"],
        "[mask] [MA\ue000SK] \ue000": ["[", "mask", "]"] * 2,  # no names; and what is removed
        "[MASK][MASK]\x00[SEP]": ["[MASK]", "[MASK]", "[", "[UNK]", "]"],  # not in the vocabulary
    }
    assert pieces(list(cases)) == list(cases.values())
    assert decoded(pieces(tf.constant(list(cases)))) == list(cases.values())
    own = text.WordPieceTokenizer(pieces.vocabulary, special_tokens=["<é\\\\>"])
    assert own("<é\\\\>a [MASK]") == ["<é\\\\>", "a", "[", "mask", "]"]
    assert decoded(own(tf.constant(["<é\\\\>a [MASK]"]))) == [own("<é\\\\>a [MASK]")]


def test_private_characters_go_and_no_sigma_is_final():
    pieces = text.WordPieceTokenizer(["[UNK]", "ab", "ας", "##σ", "ασ", "σας"])
    texts = ["a\ue123b a\U000f0000b\U0010fffd", "ΑΣ ας ΣΑς"]
    expected = [["ab", "ab"], ["ασ", "ας", "σας"]]
    assert pieces(texts) == decoded(pieces(tf.constant(texts))) == expected


# The published files, where they are


def published(*parts):
    path = Path(os.environ.get("AIMODELS_MIRROR", "missing"), *parts)
    if not path.exists():
        pytest.skip(f"needs AIMODELS_MIRROR with {'/'.join(parts)}")
    return path


# What Hugging Face's tokenizers 0.23.3 make of the same files.
GPT2 = {
    "Hello world": [15496, 995],
    "don't  we'll   42nd\n\n  end ": [
        9099,
        470,
        220,
        356,
        1183,
        220,
        220,
        5433,
        358,
        628,
        220,
        886,
        220,
    ],
    "naïve café 🙂": [2616, 38776, 40304, 32485],
    "深度学习，好！": [
        162,
        115,
        109,
        41753,
        99,
        27764,
        99,
        20046,
        254,
        171,
        120,
        234,
        25001,
        121,
        171,
        120,
        223,
    ],
}
BERT = {
    "uncased": {
        "Unaffable naïve Café, don't!": [
            14477,
            20961,
            3468,
            15743,
            7668,
            1010,
            2123,
            1005,
            1056,
            999,
        ],
        "我爱深度学习，也爱 TensorFlow 2！": [
            1855,
            100,
            100,
            100,
            1817,
            100,
            1989,
            1750,
            100,
            23435,
            12314,
            1016,
            1986,
        ],
        "embeddings 🙂 H₂O": [7861, 8270, 4667, 2015, 100, 24833],
    },
    "chinese": {
        "Unaffable naïve Café, don't!": [
            163,
            8374,
            9049,
            9609,
            11469,
            8857,
            8377,
            117,
            9524,
            112,
            162,
            106,
        ],
        "我爱深度学习，也爱 TensorFlow 2！": [
            2769,
            4263,
            3918,
            2428,
            2110,
            739,
            8024,
            738,
            4263,
            8282,
            8727,
            8372,
            11522,
            123,
            8013,
        ],
        "embeddings 🙂 H₂O": [13152, 8765, 9879, 10334, 100, 150, 12831, 8167],
    },
}


def test_gpt2s_numbers_are_gpt2s():
    tokenizer = text.BytePairTokenizer.load(published("gpt2_bpe", "vocab.bpe"))
    end = "<|endoftext|>"
    names = dict.fromkeys(("pad_token", "unknown_token", "start_token", "end_token"), end)
    vocabulary = text.Vocabulary.load(published("gpt2_bpe", "encoder.json"), **names)
    assert list(vocabulary) == [*tokenizer.vocabulary, end]
    assert len(vocabulary) == 50257
    assert vocabulary.end_id == 50256
    for one, ids in GPT2.items():
        assert vocabulary.tokens_to_ids(tokenizer(one)) == ids
        assert tokenizer.detokenize(vocabulary.ids_to_tokens(ids)) == one
    for one in SENTENCES + random_texts(300, seed=3):
        assert tokenizer.detokenize(tokenizer(one)) == one


@pytest.mark.parametrize("name", ["uncased", "chinese"])
def test_berts_pieces_are_berts(name):
    path = published("bert_vocab", f"bert-base-{name}-vocab.txt")
    vocabulary = text.Vocabulary.load(path, start_token="[CLS]", end_token="[SEP]")
    assert vocabulary.tokens_to_ids(["[PAD]", "[UNK]", "[CLS]", "[SEP]"]) == [0, 100, 101, 102]
    assert vocabulary.pad_id == 0
    pieces = text.WordPieceTokenizer(vocabulary)
    for one, ids in BERT[name].items():
        assert vocabulary.tokens_to_ids(pieces(one)) == ids
    texts = SENTENCES + random_texts(500, seed=4)
    assert decoded(pieces(tf.constant(texts))) == pieces(texts)


# Vocabularies


def test_special_tokens_come_first_or_stay_where_they_are():
    assert list(text.Vocabulary(["a"])) == ["[PAD]", "[UNK]", "[START]", "[END]", "a"]
    own = text.Vocabulary(["a", "[UNK]", "[PAD]", "[START]", "[END]"])
    assert (own.pad_id, own.unknown_id, len(own)) == (2, 1, 5)
    one = text.Vocabulary(["a"], pad_token="|", unknown_token="|", start_token="|", end_token="|")
    assert (list(one), one.pad_id, one.end_id) == (["|", "a"], 0, 0)


@pytest.mark.parametrize(
    ("tokens", "message"),
    [(["a", "b", "a"], "occur twice: 'a'"), (["a\nb"], "must be a single line")],
)
def test_tokens_that_cannot_be(tokens, message):
    with pytest.raises(ValueError, match=message):
        text.Vocabulary(tokens)


def test_the_most_frequent_tokens_come_first():
    sequences = [["b", "a", "[UNK]"], ["b", "c", "c", "d"]]
    assert list(text.Vocabulary.build(sequences))[4:] == ["b", "c", "a", "d"]
    assert list(text.Vocabulary.build(sequences, min_count=2))[4:] == ["b", "c"]
    assert len(text.Vocabulary.build(sequences, size=5)) == 5


def test_tensors_and_lists_have_the_same_numbers():
    vocabulary = text.Vocabulary(["to", "be", "or"])
    tokens = [["to", "see"], [], ["or"]]
    ragged = tf.ragged.constant(tokens)
    assert vocabulary.tokens_to_ids(tokens) == [[4, 1], [], [6]]
    assert vocabulary.tokens_to_ids(ragged).to_list() == [[4, 1], [], [6]]
    assert vocabulary.tokens_to_ids(tf.constant([["be"]])).numpy().tolist() == [[5]]
    back = [["to", "[UNK]"], [], ["or"]]
    assert vocabulary.ids_to_tokens(vocabulary.tokens_to_ids(tokens)) == back
    assert decoded(vocabulary.ids_to_tokens(vocabulary.tokens_to_ids(ragged))) == back
    assert vocabulary.ids_to_tokens([99, -1]) == ["[UNK]"] * 2
    assert vocabulary.ids_to_tokens(np.array([[4, 5]])) == [["to", "be"]]


def test_encoding_pads_cuts_and_keeps_the_end():
    vocabulary = text.Vocabulary(["a", "b"])
    tokens = [["a", "b", "a"], ["b"], []]
    encoded = vocabulary.encode(tokens, 4, start=True, end=True).numpy().tolist()
    assert encoded == [[2, 4, 5, 3], [2, 5, 3, 0], [2, 3, 0, 0]]
    assert vocabulary.encode(tokens).shape == (3, 3)
    assert vocabulary.encode(map(list, ["ab", "b"])).numpy().tolist() == [[4, 5], [5, 0]]
    assert vocabulary.encode([[], []], 2).numpy().tolist() == [[0, 0]] * 2
    with pytest.raises(ValueError, match="sequence_length=1 has no room"):
        vocabulary.encode(tokens, 1, start=True, end=True)
    with pytest.raises(ValueError, match="put a single list into a list"):
        vocabulary.encode(["a", "b"])


def test_decoding_leaves_out_special_tokens_of_arrays_lists_and_tensors():
    vocabulary = text.Vocabulary(["a", "[UNK]", "b"], pad_token="b", end_token="b")
    assert list(vocabulary) == ["[START]", "a", "[UNK]", "b"]
    rows = [[0, 1, 3, 2, 1, 3], [3, 3, 3, 3, 3, 3]]
    for ids in (rows, np.array(rows), tf.constant(rows), tf.ragged.constant(rows)):
        assert vocabulary.decode(ids) == [["a", "a"], []]
        assert vocabulary.decode(ids[0]) == ["a", "a"]
    kept = vocabulary.decode(np.array(rows[0]), skip_special_tokens=False)
    assert kept == ["[START]", "a", "b", "[UNK]", "a", "b"]
    assert vocabulary.decode([]) == vocabulary.decode(np.zeros([0, 3], int)) == []
    words = [["a"], ["a", "a", "a"]]
    assert vocabulary.decode(vocabulary.encode(words, start=True, end=True)) == words


def test_from_text_to_numbers_in_a_dataset():
    tokenizer = text.WordTokenizer()
    vocabulary = text.Vocabulary.build(tokenizer(SENTENCES))
    data = tf.data.Dataset.from_tensor_slices(SENTENCES).batch(3)
    data = data.map(lambda texts: vocabulary.encode(tokenizer(texts), 5, end=True))
    found = tf.concat([*data], axis=0).numpy()
    assert (found == vocabulary.encode(tokenizer(SENTENCES), 5, end=True).numpy()).all()
    assert data.element_spec.shape == (None, 5)


def test_a_saved_vocabulary_is_the_same(tmp_path):
    vocabulary = text.Vocabulary(["a\u2028b", "我", "\r", " ", ""])
    vocabulary.save(tmp_path / "words.txt")
    assert list(text.Vocabulary.load(tmp_path / "words.txt")) == list(vocabulary)


BERTS = {"start_token": "[CLS]", "end_token": "[SEP]"}
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]


@pytest.mark.parametrize(
    ("content", "tokens"),
    [
        ("[PAD]\n[UNK]\n[CLS]\n[SEP]\nhello\n", ["hello"]),
        ("[PAD]\n[UNK]\n[CLS]\n[SEP]\nhello", ["hello"]),  # no line end at the end
        ("[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\nhello\r\n", ["hello"]),
        ("[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\nhello", ["hello"]),
        ("[PAD]\r\n[UNK]\n[CLS]\r\n[SEP]\nhello\n", ["hello"]),  # edited on two systems
        ("\ufeff[PAD]\n[UNK]\n[CLS]\n[SEP]\nhello\n", ["hello"]),
        ("\ufeff[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\n \r\n\r\na\r\n", [" ", "", "a"]),
        ("[PAD] \n[UNK]\t\n[CLS]\u3000\n[SEP]  \nhello \n", ["hello"]),
        ("[PAD]\n[UNK]\n[CLS]\n[SEP]\n\nhello\n", ["", "hello"]),
        (
            "[PAD]\n[UNK]\n[CLS]\n[SEP]\n\u2028\n\x85\n\x0c\n\x0b\n\u2029\n\x1c\n\u3000\nh\n",
            ["\u2028", "\x85", "\x0c", "\x0b", "\u2029", "\x1c", "\u3000", "h"],
        ),
        ("[PAD]\n[UNK]\n[CLS]\n[SEP]\na\u2028b\nc\x85d\n", ["a\u2028b", "c\x85d"]),
    ],
)
def test_the_number_of_a_line_is_the_id(tmp_path, content, tokens):
    path = tmp_path / "vocab.txt"
    path.write_text(content, encoding="utf-8", newline="")
    vocabulary = text.Vocabulary.load(path, **BERTS)
    assert list(vocabulary) == [*SPECIAL, *tokens]
    assert vocabulary.tokens_to_ids(tokens) == list(range(4, 4 + len(tokens)))
    assert (vocabulary.pad_id, vocabulary.unknown_id, vocabulary.start_id) == (0, 1, 2)


@pytest.mark.parametrize(
    ("tokens", "names", "message"),
    [
        ([*SPECIAL, "a"], {}, r"start_token='\[START\]', end_token=.*candidates: .*'\[CLS\]', "),
        (
            ["<pad>", "<unk>", "<s>", "</s>", "a"],
            BERTS,
            "candidates: '<pad>', '<unk>', '<s>', '</s>'",
        ),
        ([*SPECIAL[:3], "[unused1]", "a"], BERTS, r"hold end_token='\[SEP\]'.*'\[CLS\]'$"),
        ([*SPECIAL[:1], "[unk]", *SPECIAL[2:]], BERTS, r"unknown_token='\[UNK\]'.*'\[unk\]'"),
        ([" [PAD]", *SPECIAL[1:]], BERTS, r"hold pad_token='\[PAD\]',.*candidates: ' \[PAD\]'"),
        (["a", "b"], BERTS, "candidates: none: is this a vocabulary"),
        (["<|endoftext|>", "a"], BERTS, r"candidates: '<\|endoftext\|>'"),
    ],
)
def test_a_special_token_that_is_missing_is_no_new_line(tmp_path, tokens, names, message):
    (tmp_path / "vocab.txt").write_text("\n".join(tokens), encoding="utf-8")
    (tmp_path / "vocab.json").write_text(json.dumps({t: i for i, t in enumerate(tokens)}))
    for name in ("vocab.txt", "vocab.json"):
        with pytest.raises(ValueError, match=message) as caught:
            text.Vocabulary.load(tmp_path / name, **names)
        assert str(tmp_path / name) in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[PAD]\na\nb\na\n", "lines 2 and 4 hold the same token, 'a'"),
        (b"[PAD]\na\na \n", "lines 2 and 3 hold the same token, 'a'"),
        (b"[PAD]\na\n\n\n", "lines 3 and 4 hold the same token, ''"),
        (b"[PAD]\n\xc4\xe3\n", "line 2 is not UTF-8: b'"),
        (b"", "is empty: download it again"),
        (b"\xff\xfe[\x00P\x00", "is in UTF-16: convert it"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer, not the file"),
        (b"<!DOCTYPE html>\n<html>\n", "is a web page, not the file"),
        (b"\x1f\x8b\x08\x00", "is compressed: unpack it first"),
        (b"PK\x03\x04", "is a zip archive"),
        (b"Entry not found", "candidates: none: is this a vocabulary"),
    ],
)
def test_a_file_that_is_no_vocabulary(tmp_path, content, message):
    (tmp_path / "vocab.txt").write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        text.Vocabulary.load(tmp_path / "vocab.txt", **BERTS)
    assert "\n" not in str(caught.value)


def test_a_vocabulary_that_is_not_there(tmp_path):
    path = tmp_path / "vocab.txt"
    with pytest.raises(TypeError, match="start"):
        text.Vocabulary.load(path, start="[CLS]")
    with pytest.raises(FileNotFoundError, match="its folder holds nothing"):
        text.Vocabulary.load(path)
    with pytest.raises(FileNotFoundError, match="is a folder, not a file"):
        text.Vocabulary.load(tmp_path)
    with pytest.raises(FileNotFoundError, match="nor its folder"):
        text.Vocabulary.load(tmp_path / "bert" / "vocab.txt")
    tokens = {token: i for i, token in enumerate([*SPECIAL, "a"])}
    content = {"model": {"type": "WordPiece", "vocab": tokens}, "added_tokens": []}
    (tmp_path / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(FileNotFoundError, match=r"a tokenizer\.json beside it, which Vocab"):
        text.Vocabulary.load(path)
    assert list(text.Vocabulary.load(tmp_path / "tokenizer.json", **BERTS)) == [*SPECIAL, "a"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"model": {"type": "Unigram", "vocab": [["a", -1.0]]}}, "of the type 'Unigram', which"),
        ({"do_lower_case": True, "cls_token": "[CLS]"}, "is no vocabulary: it does not map"),
        ({}, "is no vocabulary"),
    ],
)
def test_a_json_file_that_is_no_vocabulary(tmp_path, content, message):
    (tmp_path / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        text.Vocabulary.load(tmp_path / "tokenizer.json")


@pytest.mark.parametrize("token", ["a ", "a\r", "a\u3000"])
def test_a_token_that_no_line_can_hold_is_saved_as_json(token, tmp_path):
    vocabulary = text.Vocabulary([token, "b"])
    with pytest.raises(ValueError, match=r"would be read as 'a': save to a name .* \.json"):
        vocabulary.save(tmp_path / "words.txt")
    assert not (tmp_path / "words.txt").exists()
    vocabulary.save(tmp_path / "words.json")
    assert list(text.Vocabulary.load(tmp_path / "words.json")) == list(vocabulary)


def test_numbers_with_a_gap(tmp_path):
    path = tmp_path / "encoder.json"
    path.write_text(json.dumps({"a": 0, "b": 2}), encoding="utf-8")
    with pytest.raises(ValueError, match="the ids are not 0 to 1, each once"):
        text.Vocabulary.load(path)
