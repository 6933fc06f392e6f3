"""English Wikipedia articles as plain text: the extract that gensim carries."""

import bz2

import tensorflow_datasets as tfds

from aimodels import data

_FILE = "test/test_data/enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
_SHA256 = "a53f4648dec40467ebdcbc7a1307eddb51fe6e28e9309f6ebde81ba0d04bea2d"


class Builder(tfds.core.GeneratorBasedBuilder):
    """Articles of more than 50 words, without markup.

    Reference: [wikipedia] in CITATIONS.bib.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "The extract of gensim 4.4."}  # noqa: RUF012

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {"title": tfds.features.Text(), "text": tfds.features.Text()}
            ),
            homepage="https://en.wikipedia.org",
            license="CC BY-SA 3.0",
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        path = data.packaged_file("wikipedia_sample", "gensim", _FILE, sha256=_SHA256)
        from gensim.corpora import wikicorpus

        with bz2.open(path) as pages:
            for title, markup, page in wikicorpus.extract_pages(pages, ("0",)):
                text = wikicorpus.filter_wiki(markup)
                if len(text.split()) > 50:  # else a redirection
                    yield page, {"title": title, "text": text}
