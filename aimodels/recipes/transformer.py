"""A Transformer that learns to translate: letters to sounds, English to Chinese."""

import regex
import tensorflow as tf

from aimodels import data, decoding, text
from aimodels.recipes.common import Recipe, Task
from aimodels.train import SmoothedCrossentropy
from aimodels.transformer import Transformer

SIDES = {"cmudict": ("word", "phonemes"), "cmn_eng": ("english", "chinese")}
TOKENIZERS = {
    "cmudict": (text.CharacterTokenizer(), lambda s: regex.sub(r"\d", "", s).split()),
    "cmn_eng": (text.WordTokenizer(), text.CharacterTokenizer()),
}


def transformer(name: str, plan: Recipe, seed: int, limit: int | None) -> Task:
    sides, cuts = SIDES[name], TOKENIZERS[name]
    parts = []
    for split in ("train", "validation"):
        examples = data.load(name, split=split, batch_size=-1)
        rows = zip(*(examples[side].numpy()[:limit] for side in sides), strict=True)
        pairs = [[cut(s.decode()) for cut, s in zip(cuts, row, strict=True)] for row in rows]
        parts.append([pair for pair in pairs if max(map(len, pair)) <= plan.length - 2])
    source, target = (text.Vocabulary.build(side) for side in zip(*parts[0], strict=True))
    model = Transformer(len(source), len(target), max_sequence_length=plan.length, **plan.model)

    def arrays(pairs):
        ids = source.encode([a for a, _ in pairs], plan.length).numpy()
        wanted = target.encode([b for _, b in pairs], plan.length, start=True, end=True).numpy()
        return (ids, wanted[:, :-1]), wanted[:, 1:]

    train, validation = map(arrays, parts)

    def sample():
        ids, _ = decoding.greedy(model, validation[0][0][:3], max_length=plan.length)
        answers = target.decode(ids)
        asked = [pair[0] for pair in parts[1][:3]]
        return "\n".join(
            f"{' '.join(a)} -> {' '.join(b)}" for a, b in zip(asked, answers, strict=True)
        )

    return Task(
        model,
        SmoothedCrossentropy(from_logits=True, label_smoothing=0.1, ignore_class=0),
        lambda epoch: tf.data.Dataset.from_tensor_slices(train),
        True,
        validation,
        sample,
        {"source.txt": source, "target.txt": target},
    )
