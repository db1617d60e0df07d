"""Who goes first: `#SBATCH` lines, then the environment, then the command line, each through the same rows.

The last one to set a field wins; only the events of --mail-type add up. Fields remember where they come from, since the
rules about options that exclude each other (checks.py) treat the environment differently. Headers count as command line
there.
"""

from __future__ import annotations

from mgpu_slurm.base.errors import UsageError
from mgpu_slurm.facts import options
from mgpu_slurm.facts.option import NONE, OPTIONAL
from mgpu_slurm.intake import argv
from mgpu_slurm.intake.readers import READERS
from mgpu_slurm.intake.values import Reading, leading_int, whole
from mgpu_slurm.intake.words import mail_also

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mgpu_slurm.facts.option import Option

HEADER, ENVIRONMENT, COMMAND = 1, 2, 3
MEMORY = ("mem_per_node", "mem_per_cpu", "mem_per_gpu")


class Choice:
    """What was chosen for a field: the read value, the option's name, where it came from and what was typed."""

    __slots__ = ("name", "source", "text", "value")

    def __init__(self, name: str, value: object, source: int, text: str | None) -> None:
        self.name = name
        self.value = value
        self.source = source
        self.text = text


class Choices:
    """Field -> Choice, in the order of setting. The field of an option that sets "other" is "other:NAME"."""

    __slots__ = ("fields",)

    def __init__(self) -> None:
        self.fields: dict[str, Choice] = {}

    def put(self, field: str, choice: Choice) -> None:
        self.fields.pop(field, None)
        self.fields[field] = choice

    def has(self, field: str) -> bool:
        return field in self.fields

    def by_user(self, field: str) -> bool:
        """Set by the header or the command line."""
        choice = self.fields.get(field)
        return choice is not None and choice.source != ENVIRONMENT

    def value(self, field: str) -> object:
        choice = self.fields.get(field)
        return None if choice is None else choice.value

    def number(self, field: str) -> int | None:
        value = self.value(field)
        return value if isinstance(value, int) else None

    def text(self, field: str) -> str:
        value = self.value(field)
        return value if isinstance(value, str) else ""

    def for_next(self) -> Choices:
        """What the next component of a heterogeneous job begins with."""
        begun = Choices()
        begun.fields = {
            field: choice for field, choice in self.fields.items() if choice.name not in options.OF_ONE_COMPONENT
        }
        return begun

    def drop(self, field: str) -> None:
        self.fields.pop(field, None)

    def take(self, row: Option, text: str | None, source: int, reading: Reading) -> None:
        """One option, as typed. Raises UsageError or Finished."""
        reading.row, reading.typed = row, source == COMMAND
        field = f"other:{row.name}" if row.sets == "other" else row.sets
        if row.kind == "count":
            before = self.fields.get(field)
            times = before.value if before is not None and before.source == source else 0
            self.put(field, Choice(row.name, times + 1 if isinstance(times, int) else 1, source, text))
            return
        value = READERS[row.kind](text, reading)
        if row.kind == "mail_type" and field in self.fields:
            value = mail_also(str(self.fields[field].value), str(value))
        if "," not in field:
            self.put(field, Choice(row.name, value, source, text))
            return
        assert isinstance(value, tuple)
        for name, part in zip(field.split(","), value, strict=True):
            self.drop(name)
            if part is not None:
                self.put(name, Choice(row.name, part, source, text))

    def take_variable(self, row: Option, text: str, reading: Reading) -> None:
        """One environment variable. Flags are on for nothing, "yes" and numbers but 0, and taken back by all else; an
        optional argument that is empty is one that is missing."""
        if row.kind == "count":
            # a flag to Slurm at first, so that only what sets one is read as a number
            number = whole(text, f"--{row.name}", 0) if text.lower() == "yes" or leading_int(text)[0] else 0
            if number > 0:
                self.put(row.sets, Choice(row.name, number, ENVIRONMENT, text))
        elif row.arg == NONE or (row.kind == "requeue" and text != "expedite"):
            if text == "" or text.lower() == "yes" or leading_int(text)[0]:
                self.take(row, None, ENVIRONMENT, reading)
            else:
                self.drop(f"other:{row.name}" if row.sets == "other" else row.sets)
        else:
            self.take(row, None if row.arg == OPTIONAL and not text else text, ENVIRONMENT, reading)


def from_header(choices: Choices, words: list[str], rows: tuple[Option, ...], reading: Reading) -> None:
    """The words of one part of a script's header. Raises UsageError."""
    parsed = argv.Parsed()
    for row, text in argv.scan(rows, words, parsed, False, reading.prog, reading.compat):
        if row.header:
            choices.take(row, text, HEADER, reading)
    if parsed.operands:
        raise UsageError(f"Invalid directive found in batch script: {parsed.operands[0]}", 255)


def from_environment(
    choices: Choices, rows: tuple[Option, ...], environ: Mapping[str, str], group: int | None, reading: Reading
) -> None:
    """All variables of the table. With `group`, those of that component (srun) are read after the plain ones."""
    letter = options.LETTER[reading.command]
    suffixes = [""]
    grouped = reading.command == "srun" and group is not None
    if grouped and any("_HET_GROUP_" in name or "_PACK_GROUP_" in name for name in environ):
        suffixes += [f"_PACK_GROUP_{group}", f"_HET_GROUP_{group}"]
    for suffix in suffixes:
        for row in rows:
            if not row.env or (row.since is not None and reading.compat < row.since):
                continue  # an older one knows no such variable, whoever has left it
            for variable in row.variables(letter):
                variable = options.renamed(variable, reading.compat)
                if reading.compat < options.READ_SINCE.get(variable, reading.compat):
                    continue
                text = environ.get(variable + suffix)
                if text is not None and not (suffix and variable in options.NOT_BY_GROUP):
                    if suffix and row.sets in MEMORY:
                        for field in MEMORY:
                            choices.drop(field)  # the component's own term is the one that counts
                    choices.take_variable(row, text, reading)
        for field, kind, names in options.VARIABLES:
            text = environ.get(names["bra".index(letter)] + suffix)
            if text is not None:
                reading.row = next(row for row in rows if row.name == "switches")
                choices.put(field, Choice("switches", READERS[kind](text, reading), ENVIRONMENT, text))


def from_command(choices: Choices, given: Iterable[tuple[Option, str | None]], reading: Reading) -> None:
    """The options of one component on the command line."""
    for row, text in given:
        choices.take(row, text, COMMAND, reading)
