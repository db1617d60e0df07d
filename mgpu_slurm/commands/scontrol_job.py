"""scontrol update of jobs: what can be said against the words before the controller sees them.

Slurm reads some numbers strictly and some as far as they go; the kinds of scontrol_keys.JOB_KEYS say which.
"""

from __future__ import annotations

import time

from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.commands.scontrol_update import meant, row_of, send, unsupported
from mgpu_slurm.facts.queries.scontrol_keys import JOB_COUNT_NAMES, JOB_KEYS, LATER_JOB_KEYS, SUBJECTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mgpu_slurm.commands.scontrol import Desk

    Changes = list[tuple[str, str]]

SIGNED = ("limit", "appended")
"""Kinds of values that may be added to or taken away from what is."""

MOST = 2**32 - 1
MOST_OFFSET = 2147483645


class _Wrong(Exception):
    """A word that ends the request; its lines are the complaint."""

    def __init__(self, *lines: str) -> None:
        self.lines = lines
        super().__init__(*lines)


class _Left(Exception):
    """A word that is left out of the changes; its lines, if any, are said without a change of the exit status."""

    def __init__(self, line: str = "", counts: bool = False) -> None:
        self.line = line
        self.counts = counts  # Slurm counts it as a change all the same
        super().__init__(line)


class _Word:
    """One KEY=VALUE as typed, and what its key stands for."""

    __slots__ = ("desk", "full", "job", "name", "sign", "text", "typed")

    def __init__(self, desk: Desk, job: str, typed: str, sign: str, text: str, name: str, full: str) -> None:
        self.desk = desk
        self.job = job
        self.typed = typed
        self.sign = sign
        self.text = text
        self.name = name  # the controller's
        self.full = full  # the table's

    def wrong(self) -> _Wrong:
        shown = JOB_COUNT_NAMES.get(self.full, self.full)
        return _Wrong(f"scontrol: error: Invalid {shown} value: {self.text}")


def update(desk: Desk, words: Sequence[str], by_name: str | None) -> None:
    """`by_name`: JobName= is the selector, of UserId= where given."""
    job, pairs = _parted(words)
    if pairs is None:
        desk.complain(f"Invalid input: {job}")
        desk.complain("Request aborted")
        return
    if by_name is not None:
        user = next((text for key, _, text, _ in pairs if meant(key, _USER)), "")
        selector = next(pair for pair in pairs if meant(pair[0], SUBJECTS) == "jobname")
        pairs = [pair for pair in pairs if pair is not selector and not meant(pair[0], _USER)]
        job = _named(desk, by_name, user)
        if not job:
            return
    changes = read(desk, job, pairs)
    if changes is None:
        return
    resizes = any(key in ("numnodes", "reqnodelist") for key, _ in changes)
    if resizes and job.isdecimal() and _is_several(desk, job):
        desk.complain("scontrol: error: Job resizing not supported for job arrays")
        return
    send(desk, "job", job, changes)
    if resizes and not desk.status and "SLURM_JOBID" in desk.environ:  # for the shells of a job
        from mgpu_slurm.commands import resizescripts

        resizescripts.write(desk, job)


def _is_several(desk: Desk, job: str) -> bool:
    """Whether an array of which tasks have records of their own."""
    from mgpu_slurm.commands.query_options import query

    try:
        return query(desk.session(), "jobs", ["array_task_id"], {"ids": [job]})[1] > 1
    except SlurmError:
        return False  # the change itself is refused, in its own words


_USER = (("UserId", 3, "user"),)


def _parted(words: Sequence[str]) -> tuple[str, list[tuple[str, str, str, str]] | None]:
    """The job named last, and (key, sign, value, as typed) of the rest; the word that cannot be and None."""
    job, pairs = "", []
    parts = iter(words)
    for word in parts:
        key, equals, text = word.partition("=")
        if meant(key, SUBJECTS) == "job":
            if not equals:
                following = next(parts, None)
                if following is None:
                    return word, None
                text = following
            job = text
            continue
        if not equals and key.lower() not in _BARE:
            return word, None
        sign = key[-1] if key[-1:] in ("+", "-") else ""
        pairs.append((key.removesuffix(sign) if sign else key, sign, text if equals else _BARE[key.lower()], word))
    return job, pairs


_BARE = {"nice": "100", **{"ResetAccrueTime"[:size].lower(): "" for size in range(6, 16)}}
"""Keys that may stand without a value, and the value that they then have."""


def _named(desk: Desk, name: str, user: str) -> str:
    """The ids of all jobs of a name; "" after a complaint."""
    from mgpu_slurm.commands.query_options import query, uid_of

    filters = {"names": [name], "states": ["live"]}
    whose = ""
    if user:
        uid = uid_of(user)
        if uid is None:
            desk.complain(f"Invalid UserID: {user}")
            desk.complain("Request aborted")
            return ""
        filters["users"] = [user]
        whose = f"user ID {uid} and "
    columns, count, _ = query(desk.session(), "jobs", ["job_id"], filters)
    if not count:
        desk.complain(f"scontrol: error: No jobs with {whose}name '{name}'")
    return ",".join(str(one) for one in columns["job_id"])


def read(desk: Desk, job: str, pairs: Sequence[tuple[str, str, str, str]]) -> Changes | None:
    """The changes under the controller's names; None after a complaint, or where nothing is left to change."""
    sent, counted = [], 0
    for key, sign, text, typed in pairs:
        row = row_of(key, JOB_KEYS)
        name = "" if row is None else row[2] or row[0].lower()
        if row is None or (row[3] == "bare" and "=" in typed) or desk.session().compat < LATER_JOB_KEYS.get(name, (0, 0)):
            unsupported(desk, typed)
            return None
        word = _Word(desk, job, typed, sign, text, name, row[0])
        try:
            value = _READERS[row[3]](word)
            if sign and row[3] not in SIGNED:
                raise _Wrong(f"scontrol: error: Option {typed} does not accept [+|-]= syntax")
        except _Wrong as problem:
            for line in problem.lines:
                desk.complain(line)
            return None
        except _Left as left:
            if left.line:
                desk.streams.err.write(left.line + "\n")
            counted += left.counts
        else:
            sent.append((name, value))
    if not sent and not counted:
        desk.complain("No changes specified")
        if any(row_of(key, JOB_KEYS) == _GRES and text == "help" for key, _, text, _ in pairs):
            desk.say("Valid gres options are:\ngpu[[:type]:count]\n")
    return sent or None


_GRES = row_of("gres", JOB_KEYS)


# --- kinds of values ------------------------------------------------------------------------------------------------


def _as_far(text: str) -> int:
    """The number that a text begins with, 0 where it begins with none."""
    digits = text.lstrip("+-")
    size = next((place for place, char in enumerate(digits) if not ("0" <= char <= "9")), len(digits))
    number = int(digits[:size] or "0")
    return -number if text.startswith("-") else number


def _text(word: _Word) -> str:
    return word.text


def _appended(word: _Word) -> str:
    if word.sign == "-":
        raise _Wrong(f"scontrol: error: Invalid syntax, {word.full} can not be subtracted from.")
    return f"+={word.text}" if word.sign else word.text


def _number(word: _Word) -> str:
    if word.text and not (word.text.isascii() and word.text.isdecimal() and int(word.text) <= MOST):
        raise word.wrong()
    return word.text or "0"


def _cpus(word: _Word) -> str:
    """LEAST or LEAST-MOST; what stands behind a second dash says nothing."""
    from mgpu_slurm.intake.gres import count

    numbers = [count(part) for part in word.text.split("-")[:2]]
    if None in numbers or numbers[1:] == [0]:
        raise _Wrong(f'scontrol: error: Invalid numeric value "{word.text}" for NumCPUs.', *word.wrong().lines)
    least, most = numbers[0] or 0, numbers[-1] or 0
    if not 0 < least <= most:
        raise word.wrong()
    return f"{least}-{most}" if len(numbers) > 1 else str(least)


def _nodes(word: _Word) -> str:
    from mgpu_slurm.intake.gres import count

    numbers = [count(part) for part in word.text.split("-", 1)]
    if None in numbers:
        line = f'scontrol: error: Invalid numeric value "{word.text}" for requested node count.'
        raise _Left(line, counts=True)
    return "-".join(str(number) for number in numbers)


def _truth(word: _Word) -> str:
    lowered = word.text.lower()
    for full, value in (("yes", "1"), ("no", "0")):
        if lowered and full.startswith(lowered):
            return value
    return _number(word)


def _limit(word: _Word) -> str:
    from mgpu_slurm.base.units import parse_minutes

    text = word.text
    sign = word.sign or (text[0] if text[:1] in ("+", "-") and text != "-1" else "")
    if word.sign and word.name != "timelimit":
        raise _Wrong(f"scontrol: error: Option {word.typed} does not accept [+|-]= syntax")
    try:
        minutes = -1 if text == "-1" else parse_minutes(text.lstrip("+-"))
    except ValueError:
        raise _Wrong(f"scontrol: error: Invalid {word.full} value") from None
    if word.sign == "-":
        current = _current_limit(word)
        if minutes > current >= 0:
            raise _Wrong(
                f"scontrol: error: TimeLimit decrement larger than current time limit ({minutes} > {current})"
            )
    return sign + text.lstrip("+-") if text != "-1" else text


def _current_limit(word: _Word) -> int:
    from mgpu_slurm.base.errors import SlurmError
    from mgpu_slurm.commands.query_options import query

    try:
        columns, count, _ = query(word.desk.session(), "jobs", ["time_limit"], {"ids": word.job.split(",")})
    except SlurmError:
        return -1  # an unknown job is the controller's to refuse
    return int(columns["time_limit"][0]) if count else -1


def _moment(word: _Word) -> str:
    from mgpu_slurm.intake import dates

    if not word.text:
        raise _Left
    try:
        dates.parse(word.text, time.time())
    except dates.DateError as error:
        # said, and left out of the changes
        if word.sign:
            word.desk.complain(str(error))
            return ""
        raise _Left(str(error)) from None
    return word.text


def _end(word: _Word) -> str:
    """Slurm counts one that it cannot read as a change, too."""
    try:
        return _moment(word)
    except _Left as left:
        raise _Left(left.line, counts=True) from None


def _delay(word: _Word) -> str:
    from mgpu_slurm.base.units import parse_seconds

    try:
        parse_seconds(word.text)
    except ValueError:
        raise _Wrong("scontrol: error: Invalid DelayBoot value") from None
    return word.text


def _offset(word: _Word) -> str:
    number = _as_far(word.text)
    if abs(number) > MOST_OFFSET:
        raise _Wrong(f"scontrol: error: {word.full} value out of range (+/- {MOST_OFFSET}). Value ignored")
    return str(number)


def _throttle(word: _Word) -> str:
    number = _as_far(word.text)
    if number < 0:
        raise _Wrong("scontrol: error: Invalid ArrayTaskThrottle value")
    return str(number)


def _switches(word: _Word) -> str:
    """COUNT or COUNT@TIME; a time that cannot be read is without end."""
    from mgpu_slurm.base.units import UNLIMITED, parse_seconds

    count, at, wait = word.text.partition("@")
    if not at:
        return str(max(_as_far(count), 0))
    try:
        seconds = parse_seconds(wait)
    except ValueError:
        seconds = UNLIMITED
    return f"{max(_as_far(count), 0)}@{seconds}"


def _loose(word: _Word) -> str:
    return str(max(_as_far(word.text), 0))


def _gres(word: _Word) -> str:
    if word.text == "help":
        raise _Left
    return word.text


def _mail(word: _Word) -> str:
    from mgpu_slurm.intake.words import mail_words

    found = mail_words(word.text)
    if not found:
        raise _Wrong(f"Invalid MailType: {word.text}")
    return found


def _user(word: _Word) -> str:
    """Only picks jobs out where they are named by JobName=; looked at, and no change."""
    from mgpu_slurm.commands.query_options import uid_of

    if uid_of(word.text) is None:
        raise _Wrong(f"Invalid UserID: {word.text}", "Request aborted")
    if word.sign:
        return ""
    raise _Left


_READERS: dict[str, Callable[[_Word], str]] = {
    "text": _text,
    "appended": _appended,
    "number": _number,
    "cpus": _cpus,
    "nodes": _nodes,
    "truth": _truth,
    "limit": _limit,
    "moment": _moment,
    "end": _end,
    "delay": _delay,
    "offset": _offset,
    "throttle": _throttle,
    "switches": _switches,
    "loose": _loose,
    "gres": _gres,
    "mail": _mail,
    "user": _user,
    "bare": _text,
}
