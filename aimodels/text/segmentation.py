"""Chinese words, which no spaces separate."""

import warnings

from aimodels.text.tokenizer import Tokenizer


class ChineseTokenizer(Tokenizer):
    """Words of a dictionary, in the most probable segmentation (jieba).

    Raises:
        ImportError: if jieba is not installed.

    Example:
        >>> ChineseTokenizer()("我爱深度学习")
        ['我', '爱', '深度', '学习']
    """

    def __init__(self):
        try:
            with warnings.catch_warnings():  # about how it looks for its own files
                warnings.simplefilter("ignore")
                import jieba
        except ImportError as error:
            raise ImportError(
                "ChineseTokenizer needs jieba: pip install jieba. "
                "CharacterTokenizer and BytePairTokenizer need nothing"
            ) from error
        jieba.setLogLevel("WARNING")
        self._cut = jieba.Tokenizer().lcut

    def tokenize(self, text: str) -> list[str]:
        return [word for word in self._cut(text) if not word.isspace()]
