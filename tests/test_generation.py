"""Generation: cached is uncached to the token, rows do not meet, draws have the right odds."""

import io

import keras
import numpy as np
import pytest
from scipy.stats import chisquare

from aimodels.decoding import TextStreamer, generate
from aimodels.gpt import GPT
from aimodels.text import BytePairTokenizer

pytestmark = pytest.mark.rests_on_code

PROMPTS = [[5, 6, 7], [8], [1, 2, 3, 4, 9]]


def randomised(model, scale=0.5, seed=0):
    rng = np.random.default_rng(seed)
    model.set_weights([scale * rng.normal(size=w.shape) for w in model.weights])
    return model


@pytest.fixture(scope="module")
def model():
    return randomised(GPT(50, hidden_dim=16, num_heads=2, num_layers=2, max_sequence_length=24))


def uncached(model, prompt, steps, penalty=1.0):
    """The whole model again for each token, in NumPy: the plainest generation there is."""
    ids = list(prompt)
    for _ in range(steps):
        z = np.array(model(np.array([ids[-model.config["max_sequence_length"] :]]))[0, -1])
        said = list(set(ids))
        z[said] = np.where(z[said] > 0, z[said] / penalty, z[said] * penalty)
        ids.append(int(z.argmax()))
    return ids[len(prompt) :]


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("penalty", [1.0, 1.7])
def test_cached_is_uncached_to_the_token(model, jit_compile, penalty):
    answers = generate(model, PROMPTS, 15, repetition_penalty=penalty, jit_compile=jit_compile)
    for prompt, answer in zip(PROMPTS, answers, strict=True):
        assert answer.tolist() == uncached(model, prompt, 15, penalty)


def test_a_penalty_makes_words_come_once(model):
    for answer, prompt in zip(
        generate(model, PROMPTS, 15, repetition_penalty=1e4), PROMPTS, strict=True
    ):
        assert len({*answer.tolist(), *prompt}) == 15 + len(prompt)


@pytest.mark.parametrize("options", [{}, {"top_k": 9}, {"top_p": 0.8}, {"top_k": 20, "top_p": 0.7}])
def test_a_seed_draws_the_same_with_xla_and_beside_other_prompts(model, options):
    options = {"temperature": 1.3, "seed": 4, **options}
    answers = [a.tolist() for a in generate(model, PROMPTS, 12, **options)]
    assert [
        a.tolist() for a in generate(model, PROMPTS, 12, jit_compile=True, **options)
    ] == answers
    assert [a.tolist() for a in generate(model, PROMPTS[:2], 12, **options)] == answers[:2]
    other = generate(model, PROMPTS, 12, **{**options, "seed": 5})
    assert [a.tolist() for a in other] != answers
    fresh = [generate(model, PROMPTS, 12, temperature=1.3)[0].tolist() for _ in range(2)]
    assert fresh[0] != fresh[1]


def test_rows_with_the_same_prompt_differ(model):
    a, b = generate(model, [[5, 6], [5, 6]], 12, temperature=1.0, seed=1)
    assert a.tolist() != b.tolist()


def has_odds(counts, p) -> bool:
    """Whether counts can come from probabilities p: Pearson's test, wrong once in 10,000."""
    assert (counts[p == 0] == 0).all()
    often = p * counts.sum() >= 5
    counts, p = counts[often], p[often]
    assert len(p) >= 2, "nothing to be tested: a token is certain"
    return chisquare(counts, p / p.sum() * counts.sum()).pvalue > 1e-4


def limited(z, temperature=1.0, top_k=None, top_p=None):
    """The distribution that is meant, in NumPy."""
    p = np.exp(z / temperature - (z / temperature).max())
    order = np.argsort(-p)
    if top_k:
        p[order[top_k:]] = 0
    p /= p.sum()
    if top_p:
        before = np.cumsum(p[order]) - p[order]
        p[order[before >= top_p]] = 0
    return p / p.sum()


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": 0.5},
        {"temperature": 2.0},
        {"temperature": 1.0, "top_k": 3},
        {"temperature": 1.0, "top_p": 0.6},
        {"temperature": 1.5, "top_k": 6, "top_p": 0.8},
    ],
    ids=str,
)
def test_tokens_are_drawn_with_their_probabilities(options):
    model = randomised(
        GPT(12, hidden_dim=8, num_heads=2, num_layers=1, max_sequence_length=4), scale=0.4
    )
    p = limited(np.array(model(np.array([[3, 7]]))[0, -1], "float64"), **options)
    answers = np.array(generate(model, [[3, 7]] * 4000, 2, seed=2, **options))
    assert has_odds(np.bincount(answers[:, 0], minlength=12), p)
    wrong = p.copy()
    wrong[p > 0] = np.roll(p[p > 0], 1)
    assert not has_odds(np.bincount(answers[:, 0], minlength=12), wrong)
    token = p.argmax()  # and what follows it, from the loop
    p = limited(np.array(model(np.array([[3, 7, token]]))[0, -1], "float64"), **options)
    assert has_odds(np.bincount(answers[answers[:, 0] == token, 1], minlength=12), p)


def test_top_k_of_one_and_a_tiny_top_p_are_greedy(model):
    greedy = [a.tolist() for a in generate(model, PROMPTS, 10)]
    for options in ({"top_k": 1}, {"top_p": 1e-6}):
        answers = generate(model, PROMPTS, 10, temperature=1.0, seed=0, **options)
        assert [a.tolist() for a in answers] == greedy


def test_the_end_of_an_answer_is_its_stop_token(model):
    plain = [a.tolist() for a in generate(model, PROMPTS, 12, temperature=1.0, seed=3)]
    stop = [plain[0][4], plain[1][8]]
    answers = generate(model, PROMPTS, 12, temperature=1.0, seed=3, stop_token_ids=stop)
    for answer, whole in zip(answers, plain, strict=True):
        ends = [i + 1 for i, token in enumerate(whole) if token in stop]
        assert answer.tolist() == whole[: min(ends, default=12)]
    assert len(answers[0]) <= 5
    one = generate(model, PROMPTS[:1], 12, temperature=1.0, seed=3, stop_token_ids=plain[0][0])
    assert one[0].tolist() == plain[0][:1]


def test_a_callback_hears_each_step_as_it_comes(model):
    heard = []
    stop = generate(model, PROMPTS, 12, temperature=1.0, seed=3)[1][2]
    options = {"temperature": 1.0, "seed": 3, "stop_token_ids": int(stop)}
    answers = generate(model, PROMPTS, 12, callback=heard.append, **options)
    assert [a.tolist() for a in generate(model, PROMPTS, 12, **options)] == [
        a.tolist() for a in answers
    ]
    heard = np.array(heard).T
    for row, answer in zip(heard, answers, strict=True):
        assert row[row >= 0].tolist() == answer.tolist()
        assert (row[len(answer) :] == -1).all()


def test_longer_than_the_window_goes_on_from_its_last_half(model):
    [answer] = generate(model, [[5, 6, 7]], 50)
    assert len(answer) == 50
    seen = [5, 6, 7, *answer[:22].tolist()]  # the window is full, and one more
    assert answer[:22].tolist() == uncached(model, [5, 6, 7], 22)
    assert answer[22:35].tolist() == uncached(model, seen[-12:], 13)
    full = generate(model, [list(range(24))], 3)[0]
    assert full[0] == uncached(model, range(24), 1)[0]


def test_all_lengths_share_one_program(model):
    fresh = GPT.from_config(model.get_config())
    for prompt, steps in (([1], 3), ([1, 2, 3, 4], 9), ([5] * 10, 14), ([5] * 24, 1), ([2], 60)):
        generate(fresh, [prompt], steps, temperature=steps / 2, jit_compile=True, seed=0)
    [(_, loop)] = fresh._graphs.values()
    assert loop.experimental_get_tracing_count() == 1


def test_new_weights_are_used_at_once(model):
    fresh = randomised(GPT.from_config(model.get_config()))
    before = generate(fresh, PROMPTS, 10, jit_compile=True)
    randomised(fresh, seed=1)
    after = generate(fresh, PROMPTS, 10, jit_compile=True)
    assert [a.tolist() for a in after] != [b.tolist() for b in before]
    assert after[0].tolist() == uncached(fresh, PROMPTS[0], 10)


def test_words_are_printed_as_they_come():
    text = "naïve 模型"
    tokenizer = BytePairTokenizer([])
    tokens = tokenizer.tokenize(text)
    assert len(tokens) > len(text)  # bytes: several make one character
    file, shown = io.StringIO(), []

    def decode(ids):
        return tokenizer.detokenize([tokens[i] for i in ids])

    show = TextStreamer(decode, row=1, file=file)
    for i in range(len(tokens)):
        show(np.array([-1, i]))
        shown.append(file.getvalue())
    show(np.array([3, -1]))
    assert shown[-1] == file.getvalue() == text
    assert all(text.startswith(s) for s in shown)
    assert len(set(shown)) == len(text)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prompts": []}, "prompts holds no prompt"),
        ({"prompts": [[1], []]}, r"1 to 24 ids; prompt 1 is of shape \(0,\)"),
        ({"prompts": [[0.5]]}, "prompt 0 is of shape .1,. and type float64"),
        ({"prompts": [[1] * 25]}, r"prompt 0 is of shape \(25,\)"),
        ({"prompts": [[1, 50]]}, "prompt 0 holds the id 50; the model knows 0 to 49"),
        ({"prompts": [1, 2]}, r"prompt 0 is of shape \(\)"),
        ({"max_new_tokens": 0}, "max_new_tokens must be an integer >= 1"),
        ({"temperature": -1}, "temperature must be 0 or at least 0.001; got -1"),
        ({"temperature": 1e-40}, "temperature must be 0 or at least 0.001; got 1e-40"),
        ({"temperature": float("nan")}, "temperature must be 0 or at least 0.001; got nan"),
        ({"top_k": 0}, "top_k must be an integer >= 1"),
        ({"top_p": 0}, "top_p must be above 0 and at most 1"),
        ({"repetition_penalty": 0}, "repetition_penalty must be above 0"),
        ({"seed": -1}, "seed must be an integer >= 0"),
    ],
)
def test_bad_arguments_are_one_message(model, options, message):
    with pytest.raises(ValueError, match=message):
        generate(model, **{"prompts": [[1]], "max_new_tokens": 2, **options})


def test_a_model_that_generated_can_be_saved(model, tmp_path):
    model.save(tmp_path / "gpt.keras")
    loaded = keras.models.load_model(tmp_path / "gpt.keras")
    assert generate(loaded, [[3]], 5)[0].tolist() == generate(model, [[3]], 5)[0].tolist()
