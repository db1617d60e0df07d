"""PMI without sockets: its words in any pieces, its answers, fences over nodes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgpu_slurm.node.supervisor import pmi, pmi_grammar
from mgpu_slurm.wire import keyspace

FIRST = b"cmd=init pmi_version=1 pmi_subversion=1\n"
SECOND = b"cmd=init pmi_version=2 pmi_subversion=0\n"


def space(ranks: int = 1, *, first: int = 0, size: int = 0, alone: bool = True) -> pmi.NodeSpace:
    return pmi.NodeSpace("5.0", range(first, first + ranks), size or ranks, "(vector,(0,1,1))", alone)


def record(text: str) -> bytes:
    return b"%6d" % len(text) + text.encode()


def said(effects: list[pmi.Effect]) -> dict[int, str]:
    """What each rank was answered."""
    found: dict[int, str] = {}
    for effect in effects:
        if isinstance(effect, pmi.Answer):
            found[effect.rank] = found.get(effect.rank, "") + effect.data.decode()
    return found


# What a real slurmstepd 22.05.8 answers, but for the value with a blank, the service names and what it cannot do at all.
FIRST_TABLE = [
    ("cmd=get_maxes", "cmd=maxes rc=0 kvsname_max=256 keylen_max=64 vallen_max=1024"),
    ("cmd=get_appnum", "cmd=appnum rc=0 appnum=-1"),
    ("cmd=get_my_kvsname", "cmd=my_kvsname rc=0 kvsname=5.0"),
    ("cmd=get_universe_size", "cmd=universe_size rc=0 size=1"),
    ("cmd=put kvsname=5.0 key=a value=b c=d", "cmd=put_result rc=0"),
    ("cmd=barrier_in", "cmd=barrier_out rc=0"),
    ("cmd=get kvsname=5.0 key=a", "cmd=get_result rc=0 value=b c=d"),
    ("cmd=get kvsname=5.0 key=other", "cmd=get_result rc=1"),
    ("cmd=get kvsname=5.0 key=PMI_process_mapping", "cmd=get_result rc=0 value=(vector,(0,1,1))"),
    ("cmd=put kvsname=5.0 key=a", "cmd=put_result rc=1 errmsg=no_key"),
    ("cmd=publish_name service=s port=p", "cmd=publish_result rc=0 info=ok"),
    ("cmd=publish_name service=s port=q", "cmd=publish_result rc=1 info=unknown"),
    ("cmd=lookup_name service=s", "cmd=lookup_result rc=0 info=ok port=p"),
    ("cmd=unpublish_name service=s", "cmd=unpublish_result rc=0 info=ok"),
    ("cmd=lookup_name service=s", "cmd=lookup_result rc=1 info=unknown"),
    ("cmd=getbyidx kvsname=5.0 idx=0", "cmd=getbyidx_result rc=1 errmsg=not supported"),
    ("mcmd=spawn\nnprocs=1\nexecname=a\nendcmd", "cmd=spawn_result rc=1 errmsg=not supported"),
    ("cmd=finalize", "cmd=finalize_ack rc=0"),
]
SECOND_TABLE = [
    (
        "cmd=fullinit;pmijobid=5.0;pmirank=0;threaded=FALSE;",
        "cmd=fullinit-response;rc=0;pmi-version=2;pmi-subversion=0;rank=0;size=1;appnum=-1;debugged=FALSE;pmiverbose=FALSE;",
    ),
    ("cmd=job-getid;", "cmd=job-getid-response;rc=0;jobid=5.0;"),
    ("cmd=info-getjobattr;key=universeSize;", "cmd=info-getjobattr-response;rc=0;found=TRUE;value=1;"),
    ("cmd=info-getjobattr;key=other;", "cmd=info-getjobattr-response;rc=0;found=FALSE;"),
    ("cmd=kvs-put;key=a;value=b;;c=d;", "cmd=kvs-put-response;rc=0;"),
    ("cmd=kvs-get;jobid=5.0;srcid=-1;key=a;", "cmd=kvs-get-response;rc=0;found=FALSE;"),
    ("cmd=kvs-fence;thrid=7;", "cmd=kvs-fence-response;thrid=7;rc=0;"),
    ("cmd=kvs-get;jobid=5.0;srcid=-1;key=a;", "cmd=kvs-get-response;rc=0;found=TRUE;value=b;;c=d;"),
    ("cmd=info-getnodeattr;key=n;wait=FALSE;", "cmd=info-getnodeattr-response;rc=0;found=FALSE;"),
    ("cmd=info-putnodeattr;key=n;value=5;", "cmd=info-putnodeattr-response;rc=0;"),
    ("cmd=info-getnodeattr;key=n;wait=TRUE;", "cmd=info-getnodeattr-response;rc=0;found=TRUE;value=5;"),
    ("cmd=name-publish;name=s;port=p;", "cmd=name-publish-response;rc=0;"),
    ("cmd=name-lookup;name=s;", "cmd=name-lookup-response;rc=0;found=TRUE;port=p;value=p;"),
    ("cmd=name-unpublish;name=s;", "cmd=name-unpublish-response;rc=0;"),
    ("cmd=name-lookup;name=s;", "cmd=name-lookup-response;rc=1;"),
    ("cmd=spawn;ncmds=1;", "cmd=spawn-response;rc=1;errmsg=not supported;"),
    ("cmd=finalize;", "cmd=finalize-response;rc=0;"),
]


def test_version_1_is_answered() -> None:
    here = space()
    assert said(here.heard(0, FIRST))[0] == "cmd=response_to_init rc=0 pmi_version=1 pmi_subversion=1\n"
    for line, answer in FIRST_TABLE:
        assert said(here.heard(0, line.encode() + b"\n")) == {0: answer + "\n"}, line


def test_version_2_is_answered() -> None:
    here = space()
    assert said(here.heard(0, SECOND))[0] == "cmd=response_to_init rc=0 pmi_version=2 pmi_subversion=0\n"
    for words, answer in SECOND_TABLE:
        assert said(here.heard(0, record(words))) == {0: f"{len(answer):<6}{answer}"}, words


@given(st.integers(1, 2), st.lists(st.integers(1, 40), max_size=60))
def test_pieces_of_any_size_mean_the_same(version: int, sizes: list[int]) -> None:
    if version == 1:
        data = FIRST + b"".join(line.encode() + b"\n" for line, _ in FIRST_TABLE)
    else:
        data = SECOND + b"".join(record(words) for words, _ in SECOND_TABLE)
    whole, parts = space(), space()
    effects: list[pmi.Effect] = []
    at = 0
    for size in [*sizes, len(data)]:
        effects += parts.heard(0, data[at : at + size])
        at += size
    assert said(effects) == said(whole.heard(0, data))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"garbage\n", "invalid PMI1 init command: `garbage'"),
        (b"cmd=get_maxes\n", "invalid PMI1 init command: `cmd=get_maxes'"),
        (b"cmd=init pmi_version=3 pmi_subversion=0\n", "invalid PMI1 init command: `cmd=init pmi_version=3 pmi_subversion=0'"),
        (SECOND + b"nodigi", "no length where a request begins: b'nodigi'"),
        (SECOND + record("cmd=kvs-put;key;"), "no value for key key in a request"),
        (SECOND + record("key=1;"), "a request without a command: key=1;"),
        (FIRST + b"nothing\n", "a line without a command: `nothing'"),
        (b"x" * (pmi_grammar.LONGEST + 1), f"a request of more than {pmi_grammar.LONGEST} bytes"),
    ],
)
def test_other_words_end_the_talk(data: bytes, text: str) -> None:
    effects = space().heard(0, data)
    assert [effect.text for effect in effects if isinstance(effect, pmi.Complain)] == [f"mpi/pmi2: {text}"]
    assert isinstance(effects[-1], pmi.HangUp)


@given(st.binary(max_size=200))
def test_no_bytes_make_an_exception(data: bytes) -> None:
    for start in (b"", FIRST, SECOND):
        space().heard(0, start + data)


def test_who_waits_for_an_attribute_of_the_node_gets_it() -> None:
    here = space(2)
    for rank in (0, 1):
        here.heard(rank, SECOND)
    assert here.heard(0, record("cmd=info-getnodeattr;key=k;wait=TRUE;thrid=3;")) == []
    answers = said(here.heard(1, record("cmd=info-putnodeattr;key=k;value=v;")))
    assert answers[0][6:] == "cmd=info-getnodeattr-response;thrid=3;rc=0;found=TRUE;value=v;"
    assert answers[1][6:] == "cmd=info-putnodeattr-response;rc=0;"


def test_abort_is_for_srun() -> None:
    for start, words in ((FIRST, b"cmd=abort exitcode=7\n"), (SECOND, record("cmd=abort;isworld=TRUE;msg=oh;"))):
        (effect,) = space(alone=False).heard(0, start + words)[1:]
        assert isinstance(effect, pmi.Tell)
        assert effect.message == {"kind": "step_abort", "task": 0}


# --- over nodes -----------------------------------------------------------------------------------------------------


class Step:
    """Several nodes whose messages pass through srun's exchange."""

    def __init__(self, nodes: int, each: int) -> None:
        size = nodes * each
        self.nodes = [space(each, first=i * each, size=size, alone=False) for i in range(nodes)]
        self.exchange = keyspace.Exchange(nodes)
        self.heard: dict[int, str] = {}
        self.each = each
        for rank in range(size):
            self.say(rank, FIRST)
        self.heard.clear()

    def say(self, rank: int, data: bytes) -> None:
        node = rank // self.each
        self._carry_out(node, self.nodes[node].heard(rank, data))

    def _carry_out(self, node: int, effects: list[pmi.Effect]) -> None:
        for rank, text in said(effects).items():
            self.heard[rank] = self.heard.get(rank, "") + text
        for effect in effects:
            if isinstance(effect, pmi.Tell):
                for target, message in self.exchange.said(node, effect.message):
                    self._carry_out(target, self.nodes[target].told(message))


@given(st.integers(1, 4), st.integers(1, 3), st.randoms())
def test_a_fence_shows_everything_to_everybody(nodes: int, each: int, random: object) -> None:
    step = Step(nodes, each)
    ranks = list(range(nodes * each))
    for turn in range(2):
        random.shuffle(ranks)  # type: ignore[attr-defined]
        for rank in ranks:
            step.say(rank, b"cmd=put kvsname=5.0 key=%d-%d value=of%d\n" % (turn, rank, rank))
        step.heard.clear()
        for rank in ranks[:-1]:
            step.say(rank, b"cmd=barrier_in\n")
        assert step.heard == {}, "nobody leaves before all have come"
        step.say(ranks[-1], b"cmd=barrier_in\n")
        assert step.heard == dict.fromkeys(ranks, "cmd=barrier_out rc=0\n")
        step.heard.clear()
        for rank in ranks:
            for other in ranks:
                step.say(rank, b"cmd=get kvsname=5.0 key=%d-%d\n" % (turn, other))
        wanted = "".join(f"cmd=get_result rc=0 value=of{other}\n" for other in ranks)
        assert step.heard == dict.fromkeys(ranks, wanted)


def test_a_large_fence_goes_in_pieces() -> None:
    step = Step(2, 1)
    value = b"v" * 1000
    for rank in (0, 1):
        for index in range(400):
            step.say(rank, b"cmd=put kvsname=5.0 key=%d-%d value=%s\n" % (rank, index, value))
        step.say(rank, b"cmd=barrier_in\n")
    step.heard.clear()
    for key in (b"0-399", b"1-0", b"1-399"):
        step.say(0, b"cmd=get kvsname=5.0 key=%s\n" % key)
    assert step.heard[0] == ("cmd=get_result rc=0 value=" + value.decode() + "\n") * 3


def test_names_are_known_on_all_nodes() -> None:
    step = Step(2, 1)
    step.say(0, b"cmd=publish_name service=s port=p\n")
    step.say(1, b"cmd=lookup_name service=s\n")
    step.say(1, b"cmd=unpublish_name service=s\n")
    step.say(0, b"cmd=lookup_name service=s\n")
    assert step.heard[1].startswith("cmd=lookup_result rc=0 info=ok port=p\n")
    assert step.heard[0].endswith("cmd=lookup_result rc=1 info=unknown\n")


def test_fences_of_some_nodes_go_on_side_by_side() -> None:
    exchange = keyspace.Exchange(3)

    def enter(node: int, name: str, *nodes: int) -> list[tuple[int, dict[str, object]]]:
        pairs = {str(node): name}
        return exchange.said(node, {"kind": "keys_fence", "name": name, "nodes": list(nodes), "pairs": pairs})

    assert enter(0, "a", 0, 1) == []
    assert enter(0, "b") == []
    assert enter(2, "b") == []
    assert sorted({node for node, _ in enter(1, "a", 0, 1)}) == [0, 1]
    told = enter(1, "b")
    assert sorted({node for node, _ in told}) == [0, 1, 2]
    mine = [message for node, message in told if node == 2]
    assert {key for message in mine for key in message["pairs"]} == {"0", "1", "2"}  # type: ignore[attr-defined]
    assert [message["more"] for message in mine] == [True, True, False]


def test_questions_go_to_the_node_they_are_for() -> None:
    exchange = keyspace.Exchange(2)
    question = {"kind": "keys_ask", "node": 0, "to": 1, "task": 3, "ask": 1}
    assert exchange.said(0, question) == [(1, question)]
    assert exchange.said(0, {**question, "to": 7}) == [], "a node that is not of the step"


@given(st.dictionaries(st.text(max_size=9), st.text(max_size=50), max_size=30))
def test_pieces_hold_every_pair(pairs: dict[str, str]) -> None:
    found = keyspace.pieces(pairs)
    assert {key: value for piece, _ in found for key, value in piece.items()} == pairs
    assert [more for _, more in found] == [True] * (len(found) - 1) + [False]


def test_more_than_a_node_may_put_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pmi, "MOST", 10)
    here = space()
    here.heard(0, FIRST)
    assert said(here.heard(0, b"cmd=put kvsname=5.0 key=k value=12345678\n"))[0] == "cmd=put_result rc=0\n"
    assert said(here.heard(0, b"cmd=put kvsname=5.0 key=l value=12345678\n"))[0] == "cmd=put_result rc=1 errmsg=no_space\n"


# --- the mapping ----------------------------------------------------------------------------------------------------


def placed(text: str, ranks: int) -> list[int]:
    """As MPICH reads it: the blocks again and again until every rank has a node."""
    blocks = [tuple(map(int, found)) for found in re.findall(r"\((\d+),(\d+),(\d+)\)", text)]
    nodes: list[int] = []
    while len(nodes) < ranks:
        for first, many, each in blocks:
            for node in range(first, first + many):
                nodes += [node] * each
    return nodes[:ranks]


@pytest.mark.parametrize(
    ("nodes", "text"),
    [
        ([0], "(vector,(0,1,1))"),
        ([0, 0, 1], "(vector,(0,1,2),(1,1,1))"),
        ([0, 0, 1, 1, 2, 2], "(vector,(0,3,2))"),
        ([0, 1, 2, 0, 1, 2], "(vector,(0,3,1))"),
        ([0, 0, 1, 0, 0, 1], "(vector,(0,1,2),(1,1,1))"),
        ([1, 0], "(vector,(1,1,1),(0,1,1))"),
    ],
)
def test_mapping(nodes: list[int], text: str) -> None:
    assert pmi_grammar.mapping(nodes) == text


@given(st.lists(st.integers(0, 4), min_size=1, max_size=40))
def test_mapping_places_every_rank(nodes: list[int]) -> None:
    text = pmi_grammar.mapping(nodes)
    assert placed(text, len(nodes)) == nodes


def test_a_mapping_too_long_for_a_value_is_left_out() -> None:
    nodes = [(rank * rank) % 97 for rank in range(1000)]
    assert pmi_grammar.mapping(nodes) == ""


@pytest.mark.parametrize("nodes", [[3], [2, 1], [1, 1, 1]])
def test_a_ring(nodes: list[int]) -> None:
    """As PMIX_Ring of a real slurmstepd 22.05.8 does, twice; what is given may have any characters but ; of the grammar."""
    exchange = keyspace.Exchange(len(nodes))
    firsts = [sum(nodes[:at]) for at in range(len(nodes))]
    spaces = [space(count, first=first, size=3, alone=len(nodes) == 1) for count, first in zip(nodes, firsts, strict=True)]
    for again in range(2):
        answers: dict[int, str] = {}
        for number, (here, count, first) in enumerate(zip(spaces, nodes, firsts, strict=True)):
            for rank in range(first, first + count):
                if not again:
                    here.heard(rank, SECOND)
                words = f"cmd=ring;ring-count={rank + 5};ring-left=L{rank} {again};ring-right=R{rank};"
                effects = here.heard(rank, record(words))
                answers |= said(effects)
                for effect in effects:
                    if isinstance(effect, pmi.Tell):
                        for to, message in exchange.said(number, effect.message):
                            answers |= said(spaces[to].told(message))
        texts = {rank: answer[6:] for rank, answer in answers.items()}
        assert texts == {
            0: f"cmd=ring-response;rc=0;ring-count=0;ring-left=R2;ring-right=L1 {again};",
            1: f"cmd=ring-response;rc=0;ring-count=5;ring-left=R0;ring-right=L2 {again};",
            2: f"cmd=ring-response;rc=0;ring-count=11;ring-left=R1;ring-right=L0 {again};",
        }
