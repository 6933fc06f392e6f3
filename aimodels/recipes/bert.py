"""BERT's pre-training on Wikipedia."""

import keras
import numpy as np
import regex
import tensorflow as tf

from aimodels import data, text
from aimodels.bert import BERT, BERTPretraining, encode, mask_tokens, sentence_pairs
from aimodels.recipes.common import Recipe, RecipeError, Task


def bert(name: str, plan: Recipe, seed: int, limit: int | None) -> Task:
    tokenizer = text.WordTokenizer()
    end = regex.compile(r"(?<=[.!?])\s+(?=\p{Lu})|\n+")
    documents = [
        [tokens for s in end.split(e["text"].numpy().decode()) if len(tokens := tokenizer(s)) > 3]
        for e in data.load(name, split="train").take(limit or -1)
    ]
    parts = [d for i, d in enumerate(documents) if i % 10], documents[::10]
    if min(map(len, parts)) < 2:
        raise RecipeError(
            f"limit={limit} leaves nothing to train on, or to validate; use a larger limit"
        )
    sentences = [tokens for document in parts[0] for tokens in document]
    words = text.Vocabulary.build(sentences, size=8000, start_token="[CLS]", end_token="[SEP]")
    words = text.Vocabulary([*words, "[MASK]"], start_token="[CLS]", end_token="[SEP]")
    model = BERTPretraining(BERT(len(words), max_sequence_length=plan.length, **plan.model))

    def read(documents):
        first, second, follows = sentence_pairs(documents, seed)
        return *encode(words, first, second, plan.length), follows

    train, held_out = map(read, parts)

    def masked(part, seeds):
        ids, segments, follows = part
        new, places, hidden = mask_tokens(ids, words, seeds)
        return (new, segments, places), (hidden, follows)

    def of_epoch(epoch):
        seeds = tf.stack([tf.cast(seed, tf.int64), epoch + 1])
        return tf.data.Dataset.from_tensor_slices(masked(train, seeds))

    validation = tf.nest.map_structure(np.array, masked(held_out, (seed, 0)))

    def sample():
        inputs, (hidden, _) = tf.nest.map_structure(lambda x: x[:1], validation)
        guesses = np.array(model(inputs)[0][0]).argmax(-1)[hidden[0] > 0]
        line = words.ids_to_tokens([i for i in inputs[0][0].tolist() if i != words.pad_id])
        truth = words.ids_to_tokens(hidden[0][hidden[0] > 0].tolist())
        pairs = zip(words.ids_to_tokens(guesses.tolist()), truth, strict=True)
        return f"{' '.join(line)}\n" + ", ".join(f"{a} ({b})" for a, b in pairs)

    crossentropy = keras.losses.SparseCategoricalCrossentropy
    losses = [crossentropy(from_logits=True, ignore_class=0), crossentropy(from_logits=True)]
    return Task(model, losses, of_epoch, True, validation, sample, {"vocabulary.txt": words})
