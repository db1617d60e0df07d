"""Texts of documents. YAML: what Slurm 22.05.8 printed for the same values, but for long and many-lined texts."""

from __future__ import annotations

import json

import pytest

from mgpu_slurm.commands import records_json, yaml_text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("vm", "!!str vm"),
        ("", "!!str ''"),
        ("a: b", "!!str 'a: b'"),
        ("x #y", "!!str 'x #y'"),
        ("#x", "!!str '#x'"),
        ("x:", "!!str 'x:'"),
        ("a:b", "!!str a:b"),
        ("a'b", "!!str a'b"),
        (" a'b", "!!str ' a''b'"),
        ("- x", "!!str '- x'"),
        ("null", "!!str null"),
        ("{a}", "!!str '{a}'"),
        ("a]b", "!!str a]b"),
        ("...", "!!str '...'"),
        ("gpu:a100:2(IDX:0-1)", "!!str gpu:a100:2(IDX:0-1)"),
        ("b\\s", "!!str b\\s"),
        ("a\tb", '!!str "a\\tb"'),
        ("a\nb", '!!str "a\\nb"'),
        ("\x01\x1b", '!!str "\\x01\\e"'),
        ("\xfc\u20ac\U0001f600", '!!str "\\xFC\\u20AC\\U0001F600"'),
        ("caf\udce9", '!!str "caf\\uFFFD"'),
        (None, "!!null null"),
        (True, "!!bool true"),
        (7, "!!int 7"),
        (4.0, "!!float 4.000000"),
        ([], "!!seq []"),
    ],
)
def test_scalars(value: object, shown: str) -> None:
    assert yaml_text.document({"k": value}) == f"%YAML 1.1\n--- !!map\n!!str k: {shown}\n...\n"


def test_blocks() -> None:
    value = {"jobs": [{"flags": ["A"], "held": {"0": {}}}, {}], "lists": [[1, [2]], []]}
    assert yaml_text.document(value).splitlines() == [
        "%YAML 1.1",
        "--- !!map",
        "!!str jobs: !!seq",
        "- !!map",
        "  !!str flags: !!seq",
        "  - !!str A",
        "  !!str held: !!map",
        "    !!str 0: !!map {}",
        "- !!map {}",
        "!!str lists: !!seq",
        "- !!seq",
        "  - !!int 1",
        "  - !!seq",
        "    - !!int 2",
        "- !!seq []",
        "...",
    ]


@pytest.mark.parametrize("count", [0, 2, records_json.INDENTED + 1])
def test_json_is_the_same_document_laid_out_or_by_lines(count: int) -> None:
    value = {"jobs": [{"id": number, "flags": ["A", "\udce9\n"], "held": {}} for number in range(count)], "meta": {"a": None}}
    text = records_json.json_text(value)
    assert json.loads(text) == value
    if count <= records_json.INDENTED:
        assert text == json.dumps(value, indent=2) + "\n"
    else:
        assert text.count("\n") == count + 7
