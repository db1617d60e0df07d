"""The PMI of one node: the key-value space of a step as its tasks here see it. Requests in, answers out; no sockets.

What tasks put becomes visible at the next fence (PMI-1: barrier), which all tasks of all nodes enter. The nodes exchange
it by way of srun: each already has a connection to it that is authenticated and ends with the step, so that no node needs
a port of its own or another node's address; a fence costs one trip there and back however many nodes there are. Names that
tasks publish live in srun, too. A step on one node needs no trip.
"""

from __future__ import annotations

from mgpu_slurm.node.supervisor import pmi_grammar as grammar
from mgpu_slurm.wire import keyspace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

RING = "ring"
"""Its name among the fences of a step."""

MOST = 64 << 20
"""Bytes of keys and values that the tasks of a node may put between two fences."""


class Answer:
    """Words for the task of a rank."""

    __slots__ = ("data", "rank")

    def __init__(self, rank: int, data: bytes) -> None:
        self.rank = rank
        self.data = data


class Tell:
    """A message for srun."""

    __slots__ = ("message",)

    def __init__(self, message: dict[str, object]) -> None:
        self.message = message


class Complain:
    """A line for the user."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class HangUp:
    """Speak with this task no more."""

    __slots__ = ("rank",)

    def __init__(self, rank: int) -> None:
        self.rank = rank


Effect = Answer | Tell | Complain | HangUp


class Member:
    """A task as PMI knows it."""

    __slots__ = ("rank", "talk", "thread")

    def __init__(self, rank: int) -> None:
        self.rank = rank
        self.talk = grammar.Talk()
        self.thread = ""  # of the request being answered: version 2 gets it back


class NodeSpace:
    """`step` "5.0", `ranks` of this node, `size` of the step, `mapping` of pmi_grammar; `alone`: no other node."""

    def __init__(self, step: str, ranks: Sequence[int], size: int, mapping: str, alone: bool) -> None:
        self._step = step
        self._size = size
        self._alone = alone
        self._members = {rank: Member(rank) for rank in ranks}
        self._job = {"universeSize": str(size)}
        if mapping:
            self._job["PMI_process_mapping"] = mapping
        self._pairs: dict[str, str] = {}
        self._coming: dict[str, str] = {}  # of a fence, while its pieces arrive
        self._put: dict[str, str] = {}
        self._put_size = 0
        self._fenced: dict[int, str] = {}  # rank -> thread
        self._of_node: dict[str, str] = {}
        self._waiting: list[tuple[Member, str, str]] = []  # for an attribute of the node: who, key, thread
        self._ringing: dict[int, str] = {}  # rank -> thread
        self._rung: dict[str, str] = {}  # rank -> what it has given to the ring, while the ring is not closed
        self._names: dict[str, str] = {}
        self._asked: dict[int, str] = {}  # rank -> what about names it asked srun

    # --- tasks ------------------------------------------------------------------------------------------------------

    def heard(self, rank: int, data: bytes) -> list[Effect]:
        """Bytes of a task."""
        member = self._members[rank]
        member.talk.feed(data)
        effects: list[Effect] = []
        try:
            while (request := member.talk.next()) is not None:
                effects += self._request(member, request)
        except grammar.BadWords as error:
            effects.append(Complain(f"mpi/pmi2: {error}"))
            if not member.talk.version:
                effects.append(Answer(rank, grammar.line("response_to_init", rc=1, pmi_version=2, pmi_subversion=0)))
            effects.append(HangUp(rank))
        return effects

    def _request(self, member: Member, request: grammar.Request) -> list[Effect]:
        rank, fields = member.rank, request.fields
        if request.command == "init":
            version = member.talk.version
            return [
                Answer(
                    rank,
                    grammar.line("response_to_init", rc=0, pmi_version=version, pmi_subversion=fields.get("pmi_subversion", 0)),
                )
            ]
        if request.command == "abort":
            return [Tell({"kind": "step_abort", "task": rank})]
        member.thread = fields.get("thrid", "")
        table = _SECOND if member.talk.version == 2 else _FIRST
        action = table.get(request.command)
        if action is None:
            version = member.talk.version
            text = f"mpi/pmi2: PMI{version} request of '{request.command}' not supported"
            name = f"{request.command}-response" if version == 2 else f"{request.command}_result"
            return [Complain(text), self._answer(member, name, rc=1, errmsg="not supported")]
        return action(self, member, fields)

    def _answer(self, member: Member, name: str, **fields: object) -> Answer:
        """Version 2 wants rc first, and the thread that asked."""
        if member.talk.version == 1:
            return Answer(member.rank, grammar.line(name, **fields))
        words = {"thrid": member.thread} if member.thread else {}
        return Answer(member.rank, grammar.record(name, {**words, **{key.replace("_", "-"): v for key, v in fields.items()}}))

    def _maxes(self, member: Member, _: Mapping[str, str]) -> list[Effect]:
        limits = {"kvsname_max": grammar.KVSNAME_MAX, "keylen_max": grammar.KEY_MAX, "vallen_max": grammar.VALUE_MAX}
        return [self._answer(member, "maxes", rc=0, **limits)]

    def _appnum(self, member: Member, _: Mapping[str, str]) -> list[Effect]:
        return [self._answer(member, "appnum", rc=0, appnum=-1)]

    def _kvsname(self, member: Member, _: Mapping[str, str]) -> list[Effect]:
        return [self._answer(member, "my_kvsname", rc=0, kvsname=self._step)]

    def _universe(self, member: Member, _: Mapping[str, str]) -> list[Effect]:
        return [self._answer(member, "universe_size", rc=0, size=self._size)]

    def _full_init(self, member: Member, _: Mapping[str, str]) -> list[Effect]:
        about: dict[str, object] = {"pmi-version": 2, "pmi-subversion": 0, "rank": member.rank, "size": self._size}
        return [self._answer(member, "fullinit-response", rc=0, **about, appnum=-1, debugged="FALSE", pmiverbose="FALSE")]

    def _job_id(self, member: Member, _: Mapping[str, str]) -> list[Effect]:
        return [self._answer(member, "job-getid-response", rc=0, jobid=self._step)]

    def _finalize(self, member: Member, _: Mapping[str, str]) -> list[Effect]:
        if member.talk.version == 1:
            return [self._answer(member, "finalize_ack", rc=0)]
        return [self._answer(member, "finalize-response", rc=0)]

    # --- keys -------------------------------------------------------------------------------------------------------

    def _put_key(self, member: Member, fields: Mapping[str, str]) -> list[Effect]:
        name = "put_result" if member.talk.version == 1 else "kvs-put-response"
        key, value = fields.get("key"), fields.get("value")
        if not key or value is None:
            return [self._answer(member, name, rc=1, errmsg="no_key")]
        size = len(key) + len(value)
        if self._put_size + size > MOST:
            return [self._answer(member, name, rc=1, errmsg="no_space")]
        self._put_size += size
        self._put[key] = value
        return [self._answer(member, name, rc=0)]

    def _get_key(self, member: Member, fields: Mapping[str, str]) -> list[Effect]:
        key = fields.get("key", "")
        value = self._pairs.get(key)
        if member.talk.version == 1:
            value = self._job.get(key) if value is None else value
            found = {"rc": 1} if value is None else {"rc": 0, "value": value}
            return [self._answer(member, "get_result", **found)]
        return [self._found(member, "kvs-get-response", value)]

    def _found(self, member: Member, name: str, value: str | None) -> Answer:
        if value is None:
            return self._answer(member, name, rc=0, found="FALSE")
        return self._answer(member, name, rc=0, found="TRUE", value=value)

    def _fence(self, member: Member, _: Mapping[str, str]) -> list[Effect]:
        self._fenced[member.rank] = member.thread
        if len(self._fenced) < len(self._members):
            return []
        pairs, self._put, self._put_size = self._put, {}, 0
        if self._alone:
            self._pairs.update(pairs)
            return self._leave_fence()
        return [Tell({"kind": "keys_fence", "pairs": piece, "more": more}) for piece, more in keyspace.pieces(pairs)]

    def _leave_fence(self) -> list[Effect]:
        effects: list[Effect] = []
        for rank, thread in self._fenced.items():
            member = self._members[rank]
            member.thread = thread
            effects.append(self._answer(member, "barrier_out" if member.talk.version == 1 else "kvs-fence-response", rc=0))
        self._fenced.clear()
        return effects

    def _ring(self, member: Member, fields: Mapping[str, str]) -> list[Effect]:
        """Every task gets what its neighbours by rank have given, and the sum of the counts of those before it."""
        given = (fields.get("ring-count", ""), fields.get("ring-left", ""), fields.get("ring-right", ""))
        self._ringing[member.rank] = member.thread
        self._rung[str(member.rank)] = "\0".join(given)
        if len(self._ringing) < len(self._members):
            return []
        if self._alone:
            return self._leave_ring()
        pairs, self._rung = self._rung, {}
        return [Tell({"kind": "keys_fence", "name": RING, "pairs": part, "more": more}) for part, more in keyspace.pieces(pairs)]

    def _leave_ring(self) -> list[Effect]:
        ranks = sorted(map(int, self._rung))
        given = {rank: self._rung[str(rank)].split("\0") for rank in ranks}
        before, total = {}, 0
        for rank in ranks:
            before[rank] = total
            count = given[rank][0]
            total += int(count) if count.isascii() and count.isdecimal() else 0
        effects: list[Effect] = []
        for rank, thread in self._ringing.items():
            member, at = self._members[rank], ranks.index(rank)
            member.thread = thread
            near = {"ring_left": given[ranks[at - 1]][2], "ring_right": given[ranks[(at + 1) % len(ranks)]][1]}
            effects.append(self._answer(member, "ring-response", rc=0, ring_count=before[rank], **near))
        self._ringing.clear()
        self._rung = {}
        return effects

    # --- attributes of job and node ---------------------------------------------------------------------------------

    def _job_attribute(self, member: Member, fields: Mapping[str, str]) -> list[Effect]:
        return [self._found(member, "info-getjobattr-response", self._job.get(fields.get("key", "")))]

    def _put_node(self, member: Member, fields: Mapping[str, str]) -> list[Effect]:
        key, value = fields.get("key", ""), fields.get("value", "")
        self._of_node[key] = value
        effects: list[Effect] = [self._answer(member, "info-putnodeattr-response", rc=0)]
        for waiter in [each for each in self._waiting if each[1] == key]:
            self._waiting.remove(waiter)
            waiter[0].thread = waiter[2]
            effects.append(self._found(waiter[0], "info-getnodeattr-response", value))
        return effects

    def _get_node(self, member: Member, fields: Mapping[str, str]) -> list[Effect]:
        key = fields.get("key", "")
        if key not in self._of_node and fields.get("wait", "").upper() == "TRUE":
            self._waiting.append((member, key, member.thread))
            return []
        return [self._found(member, "info-getnodeattr-response", self._of_node.get(key))]

    # --- names ------------------------------------------------------------------------------------------------------

    def _name(self, member: Member, fields: Mapping[str, str], action: str) -> list[Effect]:
        name = fields.get("service") or fields.get("name") or ""
        port = fields.get("port", "")
        self._asked[member.rank] = member.thread
        if self._alone:
            return self._named(member.rank, action, keyspace.about_name(self._names, action, name, port))
        about = {"task": member.rank, "action": action, "name": name, "port": port}
        return [Tell({"kind": "keys_name", **about})]

    def _publish(self, member: Member, fields: Mapping[str, str]) -> list[Effect]:
        return self._name(member, fields, "publish")

    def _unpublish(self, member: Member, fields: Mapping[str, str]) -> list[Effect]:
        return self._name(member, fields, "unpublish")

    def _lookup(self, member: Member, fields: Mapping[str, str]) -> list[Effect]:
        return self._name(member, fields, "lookup")

    def _named(self, rank: int, action: str, port: str | None) -> list[Effect]:
        if rank not in self._asked:
            return []
        member = self._members[rank]
        member.thread = self._asked.pop(rank)
        status = 1 if port is None else 0
        shown: dict[str, object] = {}
        if action == "lookup" and port is not None:
            shown = {"port": port}
        if member.talk.version == 1:
            return [self._answer(member, f"{action}_result", rc=status, info="ok" if port is not None else "unknown", **shown)]
        if action == "lookup" and port is not None:
            shown = {"found": "TRUE", "port": port, "value": port}  # documents and clients differ in what they call it
        return [self._answer(member, f"name-{action}-response", rc=status, **shown)]

    # --- srun -------------------------------------------------------------------------------------------------------

    def told(self, message: Mapping[str, Any]) -> list[Effect]:
        """A word of srun about keys or names."""
        if message["kind"] == "keys_fence" and message.get("name") == RING:
            self._rung.update(message["pairs"])
            return [] if message.get("more") else self._leave_ring()
        if message["kind"] == "keys_fence":
            self._coming.update(message["pairs"])
            if message.get("more"):
                return []
            self._pairs.update(self._coming)
            self._coming = {}
            return self._leave_fence()
        port = message["port"] if message.get("found") else None
        return self._named(int(message["task"]), str(message["action"]), port)


if TYPE_CHECKING:
    Action = Callable[[NodeSpace, Member, Mapping[str, str]], list[Effect]]

_FIRST: dict[str, Action] = {
    "get_maxes": NodeSpace._maxes,
    "get_appnum": NodeSpace._appnum,
    "get_my_kvsname": NodeSpace._kvsname,
    "get_universe_size": NodeSpace._universe,
    "put": NodeSpace._put_key,
    "get": NodeSpace._get_key,
    "barrier_in": NodeSpace._fence,
    "finalize": NodeSpace._finalize,
    "publish_name": NodeSpace._publish,
    "unpublish_name": NodeSpace._unpublish,
    "lookup_name": NodeSpace._lookup,
}
_SECOND: dict[str, Action] = {
    "fullinit": NodeSpace._full_init,
    "job-getid": NodeSpace._job_id,
    "info-getjobattr": NodeSpace._job_attribute,
    "info-putnodeattr": NodeSpace._put_node,
    "info-getnodeattr": NodeSpace._get_node,
    "kvs-put": NodeSpace._put_key,
    "kvs-get": NodeSpace._get_key,
    "kvs-fence": NodeSpace._fence,
    "ring": NodeSpace._ring,
    "finalize": NodeSpace._finalize,
    "name-publish": NodeSpace._publish,
    "name-unpublish": NodeSpace._unpublish,
    "name-lookup": NodeSpace._lookup,
}
