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


def bare(masks: str) -> str:
    """Masks of a list without their 0x."""
    return ",".join(mask.removeprefix("0x") for mask in masks.split(","))


class MemBind:
    """--mem-bind=[quiet|verbose,][prefer,][[no]sort,][type[:list]]: of several words for the same thing the last counts."""

    __slots__ = ("kind", "prefer", "sort", "values", "verbose")

    def __init__(self, text: str) -> None:
        self.verbose = self.prefer = self.sort = False
        self.kind = self.values = ""
        """The type, with a colon where a list follows, and the list; both empty where there is none."""
        for word in sub_options(text.lower()) if text else ():
            if word in ("v", "verbose", "q", "quiet"):
                self.verbose = word[0] == "v"
            elif word in ("p", "prefer"):
                self.prefer = True
            elif word in ("sort", "nosort"):
                self.sort = word == "sort"
            else:
                name, colon, numbers = word.partition(":")
                self.kind = "none" if name == "no" else name + colon
                self.values = bare(numbers) if name.startswith("mask_") else numbers

    def text(self) -> str:
        """As it may be given again; empty where all is as it would be without."""
        given = ("verbose" * self.verbose, "prefer" * self.prefer, "sort" * self.sort, self.kind + self.values)
        return ",".join(word for word in given if word)
