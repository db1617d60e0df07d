"""The comma lists of binding options, whose members may hold commas themselves."""

from __future__ import annotations


def sub_options(text: str) -> list[str]:
    """Split at commas; a comma before a digit belongs to a list (map_cpu:0,1), one before a 0x mask too."""
    words: list[str] = []
    for word in text.split(","):
        if words and word[:1].isdigit():
            words[-1] += "," + word
        else:
            words.append(word)
    return words
