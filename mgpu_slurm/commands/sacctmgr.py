"""sacctmgr: lists the cluster and what it counts; accounts, users and QOS are not kept, and cannot be made.

Any account, QOS or key of a job is taken as it is given, so an empty list means that there is nothing to check against:
clients that look an account up before they submit go on without.
"""

from __future__ import annotations

from mgpu_slurm.base.errors import UsageError
from mgpu_slurm.commands import accounted
from mgpu_slurm.commands.query_options import Given, compat_without_cluster, document_wanted, read, told
from mgpu_slurm.facts import trackable
from mgpu_slurm.facts.fields.accounted import PLAIN, AccountView, Column
from mgpu_slurm.facts.queries import sacctmgr as table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mgpu_slurm.__main__ import Streams
    from mgpu_slurm.commands.session import Session

SHOW = ("list", "show")
CHANGING = ("add", "archive", "clear", "create", "delete", "dump", "load", "modify", "ping", "reconfigure", "remove", "shutdown",
            "update")  # fmt: skip


def run(argv: Sequence[str], environ: Mapping[str, str], cwd: str, streams: Streams, cluster: str = "-") -> int:
    given = read(table.ROWS, argv, environ, "sacctmgr")
    if given.has("help"):
        streams.out.write(table.HELP)
        return 0
    version = lambda: compat_without_cluster(environ, cluster)  # noqa: E731 - asked for only where it is shown
    if told(given, table.HELP, "sacctmgr", version, streams):
        return 0
    verb, *words = given.operands or ["help"]
    if verb == "help":
        streams.out.write(table.HELP)
        return 0
    if verb.lower() == "version":
        from mgpu_slurm.intake import manual

        streams.out.write(manual.version(compat_without_cluster(environ, cluster)))
        return 0
    if len(verb) > 1 and any(word.startswith(verb.lower()) for word in SHOW):
        from mgpu_slurm.commands.session import open_session

        return show(open_session(environ, cluster), words, given, streams)
    if any(word.startswith(verb.lower()) for word in CHANGING):
        streams.err.write(table.UNSUPPORTED)
        return 1
    streams.err.write(f"invalid keyword: {verb}\n")
    return 1


def show(session: Session, words: Sequence[str], given: Given, streams: Streams) -> int:
    """One list. Raises UsageError for a field that is not known."""
    entity, fields = find(words[0]) if words else ("", "")
    if not entity:
        of_database = any(name.startswith(words[0].lower()) for name in ("configuration", "stats")) if words else False
        streams.err.write(table.UNSUPPORTED if of_database else table.NO_ENTITY)
        return 1
    if entity == "runawayjobs":
        streams.out.write(f"Runaway Jobs: No runaway jobs found on cluster {session.cluster_name}\n")
        return 0
    names, keys = conditions(words[1:])
    if given.has("associations") or any(word.lower().startswith("witha") for word in words[1:]):
        fields += table.WITH_ASSOCIATIONS.get(entity, "")
    columns = layout(keys.get("format", fields.replace(" ", ",")))
    found = [row for row in rows(session, entity) if wanted(row, names, keys)]
    if document := document_wanted(given):
        from mgpu_slurm.commands import records_json

        name, objects = table.DOCUMENTS.get(entity, entity), [as_object(row) for row in found]
        records_json.write({name: objects, **records_json.envelope(session)}, document == "yaml", streams)
        return 0
    ended = given.has("parsable")
    separator = "|" if ended or given.has("parsable2") else None
    if not given.has("noheader"):
        streams.out.write(accounted.header(columns, separator, ended))
    values = {column.columns[0]: [row.get(column.columns[0], "") for row in found] for column in columns.columns}
    view = AccountView(compat=session.compat, cluster=session.cluster_name)
    streams.out.write(accounted.lines(columns, values, len(found), view, separator, ended))
    return 0


def as_object(row: Mapping[str, str]) -> dict[str, object]:
    """A cluster or something counted, as documents of Slurm 23.11 and later have it."""
    if "type" in row:
        return {"type": row["type"], "name": row["name"], "id": int(row["id"]), "count": 0}
    place = {"host": row["controlhost"], "port": int(row["controlport"] or 0)}
    return {"name": row["cluster"], "controller": place, "flags": [], "nodes": "", "tres": []}


def find(word: str) -> tuple[str, str]:
    """The entity that a word, perhaps shortened, means, and its fields; empty where there is none."""
    lower = word.lower()
    for name, least, fields in table.ENTITIES:
        if len(lower) >= least and (name.startswith(lower) or name.rstrip("s") == lower):
            return name, fields
    return "", ""


def conditions(words: Sequence[str]) -> tuple[set[str], dict[str, str]]:
    """Bare names, and what KEY=VALUE words say, by the key in lower case."""
    names: set[str] = set()
    keys: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if equals:
            keys[key.lower().rstrip("s") if key.lower() != "format" else "format"] = value
        elif word.lower() not in ("where", "set", "withassoc", "withcoordinators", "withdeleted", "tree", "withfed"):
            names |= {part.lower() for part in word.split(",")}
    return names, keys


def wanted(row: Mapping[str, str], names: set[str], keys: Mapping[str, str]) -> bool:
    """Whether a row has one of the names, and the values that are asked for of what it has."""
    own = row.get("cluster") or row.get("name") or row.get("type") or ""
    if names and own.lower() not in names:
        return False
    for key, value in keys.items():
        have = own if key == "name" else row.get(key)
        if key != "format" and have is not None and have.lower() not in value.lower().split(","):
            return False
    return True


def layout(words: str) -> accounted.Layout:
    """The fields by name, with other widths where a % says so. Raises UsageError."""
    made = accounted.Layout()
    for word in words.split(","):
        name, percent, size = word.strip().partition("%")
        if not name:
            continue
        row = next((one for one in table.FIELDS if one[0].startswith(name.lower())), None)
        if row is None:
            raise UsageError([("", f"Unknown field '{name}'")], 1)
        column = Column(row[1], row[2], row[0], lambda _view, value: str(value), PLAIN if row[0] in ("type", "id") else "mark")
        if percent and size.lstrip("-").isdecimal():
            made.widths[column.name] = int(size)
        made.columns.append(column)
    return made


def rows(session: Session, entity: str) -> list[dict[str, str]]:
    """What there is: the cluster itself, and what it counts."""
    if entity == "clusters":
        place = session.endpoints[0] if session.endpoints else None
        host, port = (place.host, str(place.port or "")) if place is not None else ("", "")
        return [{"cluster": session.cluster_name, "controlhost": host, "controlport": port, "share": "1"}]
    if entity == "tres":
        numbers = trackable.numbers(session.config)
        parts = [(*whole.partition("/")[::2], number) for whole, number in numbers.items()]
        return [{"type": kind, "name": name, "id": str(number)} for kind, name, number in parts]
    return []
