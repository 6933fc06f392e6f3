"""Breast cancer Wisconsin (diagnostic): the copy of the UCI set that scikit-learn carries."""

import numpy as np
import tensorflow_datasets as tfds

from aimodels import data

MEASUREMENTS = (
    "radius",
    "texture",
    "perimeter",
    "area",
    "smoothness",
    "compactness",
    "concavity",
    "concave points",
    "symmetry",
    "fractal dimension",
)
# Three statistics of each measurement, over the cell nuclei of one image.
FEATURE_NAMES = [
    *(f"mean {name}" for name in MEASUREMENTS),
    *(f"{name} error" for name in MEASUREMENTS),
    *(f"worst {name}" for name in MEASUREMENTS),
]


class Builder(tfds.core.GeneratorBasedBuilder):
    """569 tumours, 30 measurements each; label 1 means malignant, 0 benign.

    Reference: [street1993] in CITATIONS.bib.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "The 569 tumours of scikit-learn 1.9."}  # noqa: RUF012

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "features": tfds.features.Tensor(shape=(30,), dtype=np.float32),
                    "label": tfds.features.ClassLabel(names=["benign", "malignant"]),
                }
            ),
            supervised_keys=("features", "label"),
            homepage="https://archive.ics.uci.edu/dataset/17",
            license="CC BY 4.0",
            metadata=tfds.core.MetadataDict(feature_names=FEATURE_NAMES),
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        from sklearn.datasets import load_breast_cancer

        tumours = load_breast_cancer()
        features = tumours.data.astype("<f4")
        # scikit-learn counts benign as 1; medicine calls the disease the positive class.
        labels = (1 - tumours.target).astype("uint8")
        data.verify(
            "breast_cancer",
            (features, labels),
            sha256="9081913f2e283b6a4b0efb9292f7f4aeaa2d1919d576d16f17b4203c9527d0a3",
        )
        for index, (row, label) in enumerate(zip(features, labels, strict=True)):
            yield index, {"features": row, "label": int(label)}
