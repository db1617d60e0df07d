"""Manual pages, --help and completions are what the tables say, and readable; the tables behind them hold together."""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from mgpu_slurm.__main__ import PROGRAMS
from mgpu_slurm.facts import confkeys, conflines, confmeaning, options, places, programs
from mgpu_slurm.facts.option import NONE
from mgpu_slurm.intake import completion, manpage, manual

ROOT = pathlib.Path(__file__).parents[2]
PAGES = sorted((ROOT / "man").glob("*.[1-8]"))
ALL = sorted(programs.WHAT)


def test_made_files_are_not_stale() -> None:
    done = subprocess.run([sys.executable, ROOT / "man" / "build", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stderr}(a table has changed: run man/build, edit nothing by hand)"


def test_every_program_has_a_page() -> None:
    assert set(PROGRAMS) <= set(programs.WHAT)
    assert {page.name for page in PAGES} == {*(f"mgpu_{name}.1" for name in programs.WHAT), "mgpu.conf.5", "mgpu.7"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page_has_all_its_parts(page: pathlib.Path) -> None:
    text = page.read_text()
    titles = re.findall(r"^\.SH (.+)$", text, re.M)
    assert titles[0] == "NAME"
    assert titles[-1] == "SEE ALSO"
    assert {"DESCRIPTION", "EXAMPLES"} <= set(titles)
    assert page.suffix != ".1" or {"SYNOPSIS", "OPTIONS", "EXIT STATUS"} <= set(titles)
    assert len(titles) == len(set(titles))


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page_formats_without_warnings(page: pathlib.Path) -> None:
    done = subprocess.run(["groff", "-t", "-man", "-Tutf8", "-ww", page], capture_output=True, text=True)
    assert done.returncode == 0
    assert not done.stderr


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="mandoc is not installed")
def test_pages_please_mandoc() -> None:
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", *PAGES], capture_output=True, text=True)
    told = [line for line in done.stdout.splitlines() if "missing date" not in line]
    assert not told, "\n".join(told)


# --- --help ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("program", ALL)
def test_help_names_every_option_once(program: str) -> None:
    text = manual.help_text(program)
    shown = re.findall(r"^  (-\w|   )(?:, | )?(--[\w-]+)?", text, re.M)
    found = [(letter.strip(), name) for letter, name in shown if letter.strip() or name]
    assert len(found) == len(set(found))
    for row, _ in programs.visible(program):
        assert (f"-{row.letter}" if row.letter else "", f"--{row.name}" if row.name else "") in found
    assert max(map(len, text.splitlines())) <= 80
    assert text.startswith(f"Usage: {programs.shown(program)} ")


@pytest.mark.parametrize("program", ALL)
def test_nothing_but_other_names_is_left_out(program: str) -> None:
    shown = {name for row, others in programs.visible(program) for name in [row.name, *others]}
    hidden = {row.name for row in programs.rows(program) if row.group == "hidden" or not row.help}
    assert {row.name for row in programs.rows(program)} == shown | hidden


@pytest.mark.parametrize("program", sorted(programs.MOST_USED))
def test_what_is_used_most_comes_first(program: str) -> None:
    names = programs.MOST_USED[program].split()
    title, members = programs.groups(program)[0]
    assert title == "Used most:"
    assert [row.name for row, _ in members] == names
    everywhere = [row for _, group in programs.groups(program) for row, _ in group]
    assert len(everywhere) == len(programs.visible(program))


@pytest.mark.parametrize("program", ["sbatch", "srun", "salloc"])
def test_usage_is_all_options_without_words(program: str) -> None:
    text = manual.usage(program)
    assert text.startswith(f"Usage: {program} [--")
    assert "--nodes=N[-M]]" in text
    assert all(f"--{row.name}" in text for row, _ in programs.visible(program) if row.arg != NONE)
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("command", ["sbatch", "srun", "salloc"])
def test_pages_of_commands_that_submit_name_every_variable(command: str) -> None:
    page = (ROOT / "man" / f"mgpu_{command}.1").read_text()
    for row in options.of(command):
        for variable in row.variables(options.LETTER[command]):
            assert row.group == "hidden" or f".B {variable}\n" in page


# --- what stands behind options -------------------------------------------------------------------------------------


def test_sources_are_known() -> None:
    for program in ALL:
        for entry in completion.entries(program):
            assert entry.source in ("", "words", *places.LIVE, *places.LOCAL)
            assert bool(entry.words) == (entry.source == "words")


def test_words_belong_to_options() -> None:
    names = {row.name for program in ALL for row in programs.rows(program)}
    assert {key.rpartition(" ")[2] for key in places.WORDS} - names == set()


@pytest.mark.parametrize("command", ["sbatch", "srun", "salloc"])
def test_offered_words_are_taken(command: str) -> None:
    """Each word that a completion offers is one the command reads. Words that only begin something end in a mark."""
    from mgpu_slurm.intake import submit

    tail = {"sbatch": ["--wrap=true"], "srun": ["true"], "salloc": ["true"]}[command]
    ends = {"plane=": "2", "gpu:": "1", "single:": "1", "per_task:": "1"}
    ends.update(dict.fromkeys(("after:", "afterany:", "afterok:", "afternotok:", "aftercorr:"), "5"))
    ends.update(dict.fromkeys(("map_cpu:", "map_mem:", "map:"), "0") | dict.fromkeys(("mask_cpu:", "mask_mem:", "mask:"), "1"))
    for entry in completion.entries(command):
        for word in entry.words:
            if word in ("help", "list"):  # prints a list and ends
                continue
            more = ["--nodelist=n0"] if word == "arbitrary" else []
            argv = [f"--{entry.long[0]}={word}{ends.get(word, '')}", *more, *tail]
            submit.parse(command, argv, {"DISPLAY": ":0"}, "/tmp", lambda _path: ("", b""), now=1.79e9)


# --- the configuration ----------------------------------------------------------------------------------------------


def test_keys_that_are_read_have_a_meaning() -> None:
    page = (ROOT / "man" / "mgpu.conf.5").read_text()
    shown = set(re.findall(r"^\.BI (\w+)=", page.partition(".SH NODES")[0], re.M))
    assert {"ClusterName", "SlurmctldPort", "MgpuKeyFile", "KillWait"} <= shown
    assert shown <= set(confmeaning.KEYS), "a key that is read needs a line in facts/confmeaning.py"
    silent = page.partition(".SH KEYS WITHOUT EFFECT")[2].partition(".SH")[0]
    assert {key for key, *_ in confkeys.KEYS} == shown | set(re.findall(r"\w+", silent)) & {key for key, *_ in confkeys.KEYS}


def test_meanings_belong_to_keys() -> None:
    assert set(confmeaning.KEYS) <= {row[0] for row in confkeys.KEYS}
    for meanings, rows in (
        (confmeaning.NODE_KEYS, conflines.NODE_KEYS),
        (confmeaning.PARTITION_KEYS, conflines.PARTITION_KEYS),
        (confmeaning.GRES_KEYS, conflines.GRES_KEYS),
    ):
        assert set(meanings) == {key for key, field, *_ in rows if field}
    assert {row[1] for row in confkeys.KEYS} <= set(manpage.KINDS)


@pytest.mark.parametrize(
    ("default", "text"),
    [(None, ""), ((), ""), (True, "YES"), (False, "NO"), (("a", "b"), "a,b"), (-1, "UNLIMITED"), (0, "0")],
)
def test_defaults_read_as_in_the_file(default: object, text: str) -> None:
    assert manpage.default_text(default) == text
