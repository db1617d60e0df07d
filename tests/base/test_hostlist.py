"""Host lists against what scontrol of Slurm 22.05.8 prints."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgpu_slurm.base import hostlist

EXPANDED = [
    ("n[1-3]", "n1 n2 n3"),
    ("n[1,3-4],m", "n1 n3 n4 m"),
    ("n[001-003]", "n001 n002 n003"),
    ("n[001-3]", "n001 n002 n003"),
    ("n[08-11]", "n08 n09 n10 n11"),
    ("n[9-010]", "n9 n10"),
    ("n[1,01,2,02]", "n1 n01 n2 n02"),
    ("a[1-2]b[1-2]", "a1b1 a1b2 a2b1 a2b2"),
    ("x[0-1][0-1]", "x00 x01 x10 x11"),
    ("n[1-3,5]x[2]", "n1x2 n2x2 n3x2 n5x2"),
    ("n[1-2]-ib[0-1],z", "n1-ib0 n1-ib1 n2-ib0 n2-ib1 z"),
    ("n1 n2", "n1 n2"),
    ("n1,n1,n2", "n1 n1 n2"),
    ("n1,,n2,", "n1 n2"),
    ("[1-3]", "1 2 3"),
    ("1-3", "1-3"),
    ("n{1-2}", "n{1-2}"),
    ("n[1-]", "n1"),
    ("n[1- 3]", "n1 n2 n3"),
    ("n1]", "n1]"),
    ("", ""),
    (",", ""),
]

REFUSED = [
    ("a[01-03]b", ""),
    ("n[1-2]b[3-4]c[5-6]d", ""),
    ("n[[1]]", ""),
    ("n[1-3", ""),
    ("n[3-1]", "Invalid range: `3-1'"),
    ("n[]", "Invalid range: `'"),
    ("n[1,,3]", "Invalid range: `'"),
    ("n[a-b]", "Invalid range: `a-b'"),
    ("n[-3]", "Invalid range: `-3'"),
    ("n[1-3:2]", "Invalid range: `1-3:2'"),
    ("n[0x1-0x3]", "Invalid range: `0x1-0x3'"),
    ("n[1-70000]", "Too many hosts in range `1-70000'"),
]

FOLDED = [
    ("n1,n2,n3", "n[1-3]", "n[1-3]"),
    ("n3,n1,n2", "n[3,1-2]", "n[1-3]"),
    ("n1", "n1", "n1"),
    ("n1,n1", "n[1,1]", "n[1,1]"),
    ("n1,n2,n2,n3", "n[1-2,2-3]", "n[1-2,2-3]"),
    ("n01,n1,n2,n02", "n[01,1-2,02]", "n[1-2,01-02]"),
    ("n08,n09,n10,n11,n012", "n[08-11,012]", "n[08-11,012]"),
    ("n10,n8,n9,n100,n08", "n[10,8-9,100,08]", "n[8-9,08,10,100]"),
    ("n009,n10,n010,n011", "n[009,10,010-011]", "n[10,009-011]"),
    ("n001,n2,n03,n3", "n[001,2,03,3]", "n[2-3,03,001]"),
    ("n99,n100,n101", "n[99-101]", "n[99-101]"),
    ("n099,n100,n0101", "n[099-100,0101]", "n[099-100,0101]"),
    ("n0,n00,n000,n1", "n[0,00,000,1]", "n[0-1,00,000]"),
    ("a1b,a2b", "a1b,a2b", "a1b,a2b"),
    ("a,a1,a2", "a,a[1-2]", "a,a[1-2]"),
    ("b1,a1,a", "b1,a1,a", "a,a1,b1"),
    ("b,B,a", "b,B,a", "B,a,b"),
    ("r10n1,r2n1", "r10n1,r2n1", "r2n1,r10n1"),
    ("n1,m1,n2", "n1,m1,n2", "m1,n[1-2]"),
    ("1,2,3", "[1-3]", "[1-3]"),
    ("n1-ib0,n0", "n1-ib0,n0", "n0,n1-ib0"),
    ("n1-ib0,n-1", "n1-ib0,n-1", "n-1,n1-ib0"),
    ("r0n1,r0n2,r1n1,r1n2", "r0n[1-2],r1n[1-2]", "r0n[1-2],r1n[1-2]"),
    ("", "", ""),
]


@pytest.mark.parametrize(("text", "names"), EXPANDED)
def test_expand(text: str, names: str) -> None:
    assert hostlist.expand(text) == names.split()
    assert hostlist.count(text) == len(names.split())


@pytest.mark.parametrize(("text", "detail"), REFUSED)
def test_refused(text: str, detail: str) -> None:
    with pytest.raises(hostlist.HostlistError) as caught:
        hostlist.expand(text)
    assert str(caught.value) == f"Invalid hostlist: {text}"
    assert caught.value.detail == detail
    with pytest.raises(hostlist.HostlistError):
        hostlist.count(text)


@pytest.mark.parametrize(("names", "kept", "ordered"), FOLDED)
def test_fold(names: str, kept: str, ordered: str) -> None:
    split = [name for name in names.split(",") if name]
    assert hostlist.fold(split) == kept
    assert hostlist.fold_sorted(split) == ordered


@pytest.mark.parametrize(("text", "kept", "ordered"), [
    ("r1[02,01]", "r1[02,01]", "r1[01-02]"),
    ("c1[9-11],c1[12]", "c1[9-12]", "c1[9-12]"),
    ("a[4-5][1-2]", "a4[1-2],a5[1-2]", "a4[1-2],a5[1-2]"),
    ("c 1[0010-13]", "c,1[0010-0013]", "1[0010-0013],c"),
    ("n2,n1,n3", "n[2,1,3]", "n[1-3]"),
])  # fmt: skip
def test_refold(text: str, kept: str, ordered: str) -> None:
    assert hostlist.refold(text) == kept
    assert hostlist.refold(text, in_order=True) == ordered


def test_many_brackets_do_not_multiply_without_bound() -> None:
    with pytest.raises(hostlist.HostlistError):
        hostlist.expand("a[0-999]b[0-999]c[0-999]")


name = st.from_regex(r"[a-z][a-z0-9-]{0,4}[0-9]{0,4}", fullmatch=True)


@given(st.lists(name, max_size=30))
def test_expand_reads_what_fold_writes(names: list[str]) -> None:
    text = hostlist.fold(names)
    assert hostlist.expand(text) == names
    assert hostlist.count(text) == len(names)
    assert hostlist.fold(hostlist.expand(text)) == text
    assert sorted(hostlist.expand(hostlist.fold_sorted(names))) == sorted(names)


@given(st.text(alphabet="n0123-[],x ", max_size=14))
def test_any_text_is_a_list_or_an_error(text: str) -> None:
    try:
        names = hostlist.expand(text, 5000)
    except hostlist.HostlistError:
        return
    assert all(names)
