"""Arrays, dependencies, constraints and generic resources: tables recorded from real Slurm 22.05.8, and round trips."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.intake import arrays, constraint, dependency, gres

ARRAYS = {
    "1-10": (list(range(1, 11)), None), "0,3,7": ([0, 3, 7], None), "0-15:4": ([0, 4, 8, 12], None),
    "1-4%2": ([1, 2, 3, 4], 2),
    "1-3,9%2": ([1, 2, 3, 9], 2), "[1-3]": ([1, 2, 3], None), "[1-3]%2": ([1, 2, 3], 2), "[1-3%2]": ([1, 2, 3], 2),
    "1-3%0": ([1, 2, 3], None),
    "1,1,2": ([1, 2], None), "1-3:2,8": ([1, 3, 8], None), "1%2,3": ([1, 3], 2), "1,,2": ([1, 2], None),
    "1,": ([1], None), ",1": ([1], None),
    "100000": ([100000], None), "1-3%x": ([1, 2, 3], None), "007": ([7], None), "[1-2],[4-5]": ([1, 2, 4, 5], None),
    "1%-1": ([1], None),
    "%2": ([0], 2), "1-4%2%3": ([1, 2, 3, 4], 2), "[1-3": ([1, 2, 3], None), "1, 2": ([1, 2], None), " 1": ([1], None),
}  # fmt: skip
BAD_ARRAYS = [
    "5-1", "-1", "1-4:0", "1-", "a", "1-2-3", "100001", "1:2", "1-5:2:3", "4294967295", "99999999999", "1 2", "0-99999999999",
]  # fmt: skip


@pytest.mark.parametrize("text", ARRAYS)
def test_array(text: str) -> None:
    assert arrays.parse(text, 100001) == ARRAYS[text]


@pytest.mark.parametrize("text", BAD_ARRAYS)
def test_no_array(text: str) -> None:
    with pytest.raises(SlurmError) as refusal:
        arrays.parse(text, 100001)
    assert refusal.value.code == 2081


DEPENDENCIES = {
    "afterok:273": ("afterok:273", False), "after:273+5": ("after:273+5", False), "273": ("afterany:273", False),
    "afterany:273,afterok:273": ("afterany:273,afterok:273", False),
    "afterok:273?afterany:273": ("afterok:273?afterany:273", True),
    "afterok:1?afterany:2,after:3": ("afterok:1?afterany:2?after:3", True), "SINGLETON": ("singleton", False),
    "AfterOk:273_1": ("afterok:273_1", False), "afterok:273_[1-3]": ("afterok:273_1,afterok:273_2,afterok:273_3", False),
    "afterok:273_*": ("afterok:273_*", False), "aftercorr:273": ("aftercorr:273", False), "0": ("", False), "": ("", False),
    "singleton,afterok:273": ("singleton,afterok:273", False), "afterok:273:273": ("afterok:273", False),
    "after:273+5:273+6": ("after:273+5", False), "273,273": ("afterany:273", False),
    "afterok:273(failed)": ("afterok:273", False),
}  # fmt: skip
BAD_DEPENDENCIES = [
    "after:273+x", "273:273", "foo", "foo:273", "afterok", "afterok:", "afterok:x", "singleton:273", "afterok:273,",
    ",afterok:273",
    "afterok:273:0", "-1", "afterok:273;273", "afterok:0", "afterok:273.0", "afterok:273 ,afterany:273",
]  # fmt: skip


@pytest.mark.parametrize("text", DEPENDENCIES)
def test_dependency(text: str) -> None:
    found, any_of = dependency.parse(text)
    assert (dependency.render(found, any_of), any_of) == DEPENDENCIES[text]


@pytest.mark.parametrize("text", BAD_DEPENDENCIES)
def test_no_dependency(text: str) -> None:
    with pytest.raises(SlurmError) as refusal:
        dependency.parse(text)
    assert refusal.value.code == 2038


JOBS = st.integers(1, 2**31)
ONES = st.one_of(
    st.just(dependency.Dependency("singleton")),
    st.builds(
        dependency.Dependency,
        st.sampled_from(dependency.WITH_JOBS),
        JOBS,
        st.one_of(st.none(), st.just(dependency.ALL_TASKS), st.integers(0, 1000)),
        st.integers(0, 100),
    ),
)


@given(st.lists(ONES, min_size=2, unique_by=lambda one: (one.kind, one.job_id, one.task)), st.booleans())
def test_dependencies_come_back(ones: list[dependency.Dependency], any_of: bool) -> None:
    assert dependency.parse(dependency.render(ones, any_of)) == (ones, any_of)


@pytest.mark.parametrize(
    ("text", "again"),
    [
        ("a", "a"), ("a&b", "a&b"), ("a,b", "a&b"), ("a|b|c", "a|b|c"), ("[a|b]", "[a|b]"), ("a*2&b*1", "a*2&b*1"),
        ("(a&b)|c", "(a&b)|c"), ("a&b|c", "(a&b)|c"), ("(a|b)&c", "(a|b)&c"), ("((a))", "a"), ("[(a&b)*2&c*1]",
        "[(a&b)*2&c*1]"),
        ("[a|b]&c", "[a|b]&c"),
    ],
)  # fmt: skip
def test_constraint(text: str, again: str) -> None:
    found = constraint.parse(text)
    assert found is not None
    assert found.text == again


@pytest.mark.parametrize("text", ["!a", "[a", "a]", "a*x", "a&", "&a", "a||b", "a b", "a*0", "a&&b", "(a", "a)", "()", "*2", ","])
def test_no_constraint(text: str) -> None:
    with pytest.raises(SlurmError) as refusal:
        constraint.parse(text)
    assert refusal.value.code == 2029


def test_constraint_of_nothing_and_its_features() -> None:
    assert constraint.parse("") is None
    found = constraint.parse("(a&b)|[a|c*2]")
    assert found is not None
    assert found.features() == ["a", "b", "c"]


def test_nothing_without_bounds() -> None:
    with pytest.raises(SlurmError):
        constraint.parse("(" * 100_000)
    with pytest.raises(SlurmError):
        dependency.parse("afterok:1_[0-4000000000]")


TERMS = st.recursive(
    st.from_regex(r"[a-z][a-z0-9_-]{0,5}", fullmatch=True),
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: "(" + "&".join(parts) + ")"),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: "(" + "|".join(parts) + ")"),
        inner.map(lambda part: f"[{part}]"),
        st.tuples(inner, st.integers(1, 9)).map(lambda pair: f"({pair[0]})*{pair[1]}"),
    ),
    max_leaves=8,
)


@given(TERMS)
def test_constraints_come_back(text: str) -> None:
    found = constraint.parse(text)
    assert found is not None
    assert constraint.parse(found.text) == found


GRES = {
    "gpu": [("gpu", None, 1)], "gpu:2": [("gpu", None, 2)], "gpu:a100:2": [("gpu", "a100", 2)], "gpu:a100": [("gpu",
    "a100", 1)],
    "gres:gpu:1": [("gpu", None, 1)], "gres/gpu:1": [("gpu", None, 1)], "gpu=2": [("gpu", None, 2)], "gpu:0": [],
    "gpu:1k": [("gpu", None, 1024)], "gpu:1kb": [("gpu", None, 1000)], "none": [], "gpu:2,gpu": [("gpu", None, 1)],
    "gpu:a100:2,gpu:v100:1": [("gpu", "a100", 2), ("gpu", "v100", 1)], "gpu:2,shard:4": [("gpu", None, 2),
    ("shard", None, 4)],
    "gpu:1:1": [("gpu", "1", 1)],
}  # fmt: skip
BAD_GRES = {
    "gpu:": 2072, "gpu::": 2072, "gpu:a100:": 2072, "gpu:x:y": 2072, "gpu:a:b:1": 2072, "gpu:1x": 2115, "gpu:1.5": 2115,
    ",gpu": 2115,
    "gpu,": 2115, "gpu:1,,gpu:1": 2115, "": 2115, "gpu:1,gpu:a100:1": 2119,
}  # fmt: skip


@pytest.mark.parametrize("text", GRES)
def test_gres(text: str) -> None:
    assert gres.parse(text) == GRES[text]


@pytest.mark.parametrize("text", BAD_GRES)
def test_no_gres(text: str) -> None:
    with pytest.raises(SlurmError) as refusal:
        gres.parse(text)
    assert refusal.value.code == BAD_GRES[text]


def test_gpus() -> None:
    assert gres.parse("2", "gpu") == [("gpu", None, 2)]
    assert gres.parse("a100:1,v100:1", "gpu") == [("gpu", "a100", 1), ("gpu", "v100", 1)]
    assert gres.parse("a100", "gpu") == [("gpu", "a100", 1)]
    assert gres.total("a100:1,v100:2,a100:3", "gpu") == 5
    with pytest.raises(SlurmError):
        gres.parse("gpu:a100:1", "gpu")


NAMES = st.from_regex(r"[a-z][a-z_]{0,7}", fullmatch=True).filter(lambda name: name not in ("none", "gres"))


@given(st.dictionaries(NAMES, st.tuples(st.none() | NAMES, st.integers(1, 10**6)), min_size=1))
def test_gres_comes_back(wanted: dict[str, tuple[str | None, int]]) -> None:
    listed = [(name, kind, number) for name, (kind, number) in wanted.items()]
    assert gres.parse(gres.render(listed)) == listed
