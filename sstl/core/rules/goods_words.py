"""Words of goods descriptions, in Latin and in Chinese writing, for rules that compare them with lists."""

import re
from collections.abc import Iterable
from functools import lru_cache

_LATIN = re.compile(r"[^\W\d_]+")
_IDEOGRAPH = re.compile(r"[\u3400-\u9fff]")
IDEOGRAPH_LETTERS = 3
"""An ideograph says about as much as a short word: it counts as so many letters."""
_FILLERS = frozenset({"a", "an", "and", "as", "for", "in", "of", "or", "the", "to", "with", "per"})


@lru_cache(maxsize=4096)
def plain(description: str) -> str:
    """Return the words of a description in lower case, a space around each, without digits and signs."""
    return f" {' '.join(_LATIN.findall(description.lower()))} "


@lru_cache(maxsize=4096)
def letters(description: str) -> int:
    """Count the letters; an ideograph counts as `IDEOGRAPH_LETTERS`."""
    text = plain(description).replace(" ", "")
    return len(text) + (IDEOGRAPH_LETTERS - 1) * len(_IDEOGRAPH.findall(text))


def contains(description: str, word: str) -> bool:
    """Tell whether a description has a word (or words in a row) of a list; Chinese words need no space around them.

    The word is read as the description is, so that ``t-shirt`` is found in "T-shirts or T-shirt".
    """
    text, sought = plain(description), plain(word)
    if not sought.strip():
        return False
    return sought.strip() in text if _IDEOGRAPH.search(sought) else sought in text


def says_only(description: str, words: Iterable[str]) -> bool:
    """Tell whether a description consists of listed words (and of words such as "of") alone."""
    text = plain(description)
    for stated in sorted(words, key=len, reverse=True):
        word = plain(stated).strip()
        if not word or word not in text:
            continue
        if _IDEOGRAPH.search(word):
            text = text.replace(word, " ")
            continue
        while f" {word} " in text:
            text = text.replace(f" {word} ", " ")
    return not any(rest not in _FILLERS for rest in text.split())
