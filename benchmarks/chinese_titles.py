"""Titles of Chinese news in ten classes: characters, words and byte pairs, with two models.

20,000 titles of THUCNews, in the splits of `data.load`, chosen and read as in
`chinese_sentiment.py`. Published figures are for 180,000 titles to train on: not to be compared.
"""

from chinese_sentiment import compare


def run() -> dict:
    titles, figures = compare("thucnews_titles")
    return {"titles": titles, **figures}
