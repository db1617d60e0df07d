"""Product names of GPUs -> gres types. Pure.

The type is what Slurm's AutoDetect makes of a name: lower case, blanks to underscores ("Tesla T4" -> "tesla_t4").
Aliases are the short names people write in --gres, so that `gpu:a100:1` and `gpu:nvidia_a100-sxm4-80gb:1` both fit.
"""

from __future__ import annotations

import re

# Words of a product name that say who made it or what line it is of, not which GPU it is.
_MAKERS = frozenset({"nvidia", "tesla", "quadro", "geforce", "grid", "corporation"})
# Words before a number that belong to it: RTX 3090, GTX 1080, TITAN V.
_SERIES = frozenset({"rtx", "gtx", "titan", "gt", "mx", "pro"})
# Words after a number that make it another chip.
_SUFFIXES = frozenset({"ti", "super", "ada"})
# Characters that the gres grammar gives a meaning to.
_GRAMMAR = re.compile(r"[\s:,()\[\]=]+")
_MEMORY = re.compile(r"\d+gb\Z")


def gres_type(name: str) -> str:
    """The gres type of product name `name`; "" for an empty name."""
    return _GRAMMAR.sub("_", name.strip().lower()).strip("_")


def aliases(name: str) -> list[str]:
    """Short types for product name `name`, the shortest and commonest first, never the full type itself."""
    words = [word for word in gres_type(name).split("_") if word and word not in _MAKERS]
    found: list[str] = []
    at = next((i for i, word in enumerate(words) if any(c.isdigit() for c in word)), None)
    if at is None:
        found += ["_".join(words), "".join(words)]
    else:
        model, _, rest = words[at].partition("-")
        series = [word for word in words[:at] if word in _SERIES]
        suffixes = []
        for word in words[at + 1 :]:
            if word not in _SUFFIXES:
                break
            suffixes.append(word)
        own = [model, *suffixes]
        found.append("".join(own))
        if suffixes:
            found.append("_".join(own))
        if series:
            found += ["".join(series + own), "_".join(series + own)]
        for word in [*rest.split("-"), *words[at + 1 :]]:
            if _MEMORY.match(word):
                found += [f"{model}-{word}", f"{model}_{word}"]
                break
    full = gres_type(name)
    return [alias for alias in dict.fromkeys(found) if alias and alias != full]


def mig_profile(name: str) -> str:
    """The profile in a MIG device's name: "NVIDIA A100-SXM4-40GB MIG 1g.5gb" -> "1g.5gb"; "" when it has none."""
    before, marker, profile = name.rpartition(" MIG ")
    return _GRAMMAR.sub("_", profile.strip().lower()) if marker and before else ""
