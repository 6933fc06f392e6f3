"""The same Inception v3 as `keras.applications`, with the same weights."""

import pytest
from applications import same_logits

from aimodels import inception


@pytest.mark.parametrize("size", [299, 120])
def test_inception_v3(rng, parity, size):
    ours = inception.InceptionV3((None, None, 3))
    same_logits(parity, rng, "inception.InceptionV3", ours, size, gain=2.0)
