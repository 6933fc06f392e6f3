"""Names of emoji in English and Chinese, and which emoji are nearly the same picture."""

import json
import re

from aimodels.data.checks import packaged_file

# Files of the package `emoji` 2.16.0, whose names are those of Unicode's CLDR.
_FILES = {
    "emoji.json": "68d0dc4ac61ccb49c1335809ffb963bcca0fdb4a7e04278ff597125a2b043122",
    "emoji_zh.json": "090339fb5f9f9d00c8330e7c276596af16a852556820d9b2c923501e56b06a09",
}
_QUALIFIED = 2  # of the same emoji's several spellings, the one to show
# Words that tell one emoji of a family from another: people, colours, directions, sizes, times.
_TELLING = """
    man men woman women person people boy girl child men’s women’s mr mrs mx
    red orange yellow green blue purple brown black white grey pink light
    up down left right upwards downwards rightwards leftwards up-down left-right facing pointing
    backhand clockwise counterclockwise curving small medium large medium-small heavy hollow
    first last quarter second third 1st 2nd 3rd full half new waxing waning crescent gibbous
    open closed raised lowered locked unlocked dollar euro pound yen"""
_ALIKE = {  # names in full, and the family of those that fit
    r".*(o’clock|-thirty)": "clock",
    r".*\bhearts?": "heart",
    r".*\b(button|keycap.*)": "button",
    r".*\b(square|circle|diamond|triangle|arrows?)": "shape",
    r"flag .*": "flag",
    r"(family|kiss|couple with heart)\b.*|.*holding hands": "family",
    r"(man|woman|person)( .*hair| bald| beard)?|boy|girl|child": "person",
    r"(man|woman|person) (pouting|frowning)": "frowning",
    r"no .*|non-potable water|prohibited|.* room|restroom|baby symbol|water closet": "sign",
    r"Aries|Taurus|Gemini|Cancer|Leo|Virgo|Libra|Scorpio|Sagittarius|Capricorn|Aquarius|Pisces"
    r"|Ophiuchus|place of worship|atom symbol|om|star of David|wheel of dharma|yin yang|.* cross"
    r"|star and crescent|peace symbol|menorah|dotted six-pointed star|khanda": "sign",
    r".*\b(un)?locked\b.*": "lock",
}


def bare(emoji: str) -> str:
    """An emoji without the character that asks for a coloured picture.

    Example:
        >>> len("❤️"), len(bare("❤️"))
        (2, 1)
    """
    return emoji.replace("\ufe0f", "")


def emoji_names(name: str) -> dict[str, tuple[str, str]]:
    """English and Chinese names of every emoji that has both, by its bare characters.

    Args:
        name: the set, for the message of an error.

    Raises:
        DataError: if the package `emoji` is missing or of another version.
    """
    english, chinese = (
        json.loads(
            packaged_file(name, "emoji", f"unicode_codes/{file}", sha256=sha256).read_text("utf-8")
        )
        for file, sha256 in _FILES.items()
    )

    def words(short_name: str) -> str:  # ":red_heart:"
        return short_name.strip(":").replace("_", " ").strip()

    return {
        bare(emoji): (words(facts["en"]), words(chinese[emoji]))
        for emoji, facts in english.items()
        if facts["status"] == _QUALIFIED and emoji in chinese
    }


def emoji_family(emoji: str, name: str) -> str:
    """What an emoji has in common with those that are nearly the same picture.

    Women and men who do the same, colours, directions, sizes, the hours of a clock, flags: one that
    was seen gives away the others, so a family must not be divided between training and test.

    Args:
        emoji: its characters.
        name: its English name.

    Example:
        >>> {emoji_family("", name) for name in ("woman running", "person running facing right")}
        {'running'}
        >>> emoji_family("", "one-thirty"), emoji_family("", "dog face")
        ('clock', 'dog face')
    """
    if all("\U0001f1e6" <= letter <= "\U0001f1ff" for letter in emoji) and emoji:
        return "flag"  # a country's: two letters
    for pattern, family in _ALIKE.items():
        if re.fullmatch(pattern, name):
            return family
    words = re.findall(r"[\w’-]+", name.lower())
    return " ".join(word for word in words if word not in _TELLING.split()) or name
