"""The OpenPMIx library by ctypes: what of it a server needs. Names and layouts are those of pmix_common.h and pmix_server.h,
which version 4.2 and all after it share."""

from __future__ import annotations

import ctypes
from ctypes import CFUNCTYPE, POINTER, Structure, c_char, c_char_p, c_int, c_size_t, c_uint32, c_void_p

NAME = "libpmix.so.2"
HOW_TO_GET = f"install OpenPMIx 4.2 or later ({NAME}; Debian's package libpmix2), or use --mpi=pmi2"

SUCCESS = 0
ERROR = -1
OPERATION_SUCCEEDED = -157
WILDCARD = 0xFFFFFFFE
"""The rank that means all ranks."""

BOOL, STRING, UINT32, RANK, REGEX = 1, 3, 14, 40, 49

_INFO = 552
_MODULE = 64
"""Pointers of the module: more than any version looks at."""

_CLIENT, _FINALIZED, _ABORT, _FENCE, _DIRECT = range(5)


class NoLibrary(Exception):
    """There is no library, or it cannot do what is needed; the text says what."""


class Proc(Structure):
    """pmix_proc_t."""

    _fields_ = (("nspace", c_char * 256), ("rank", c_uint32))


OpDone = CFUNCTYPE(None, c_int, c_void_p)
Release = CFUNCTYPE(None, c_void_p)
ModexDone = CFUNCTYPE(None, c_int, c_void_p, c_size_t, c_void_p, c_void_p, c_void_p)
DirectAnswer = CFUNCTYPE(None, c_int, c_void_p, c_size_t, c_void_p)
Client = CFUNCTYPE(c_int, POINTER(Proc), c_void_p, c_void_p, c_void_p)
Abort = CFUNCTYPE(c_int, POINTER(Proc), c_void_p, c_int, c_char_p, c_void_p, c_size_t, c_void_p, c_void_p)
Fence = CFUNCTYPE(c_int, POINTER(Proc), c_size_t, c_void_p, c_size_t, c_void_p, c_size_t, c_void_p, c_void_p)
Direct = CFUNCTYPE(c_int, POINTER(Proc), c_void_p, c_size_t, c_void_p, c_void_p)


class Library:
    """The loaded library. Every call raises NoLibrary where the library reports an error."""

    def __init__(self) -> None:
        try:
            self._lib = ctypes.CDLL(NAME)
            self._lib.PMIx_Info_load  # noqa: B018 - versions before 4.2 have it as a macro only
        except (OSError, AttributeError) as error:
            raise NoLibrary(f"can not load PMIx library: {error}") from None
        self.free = ctypes.CDLL(None).free
        self.free.argtypes = [c_void_p]

    def _check(self, what: str, status: int) -> None:
        if status not in (SUCCESS, OPERATION_SUCCEEDED):
            self._lib.PMIx_Error_string.restype = c_char_p
            raise NoLibrary(f"{what}: {self._lib.PMIx_Error_string(status).decode()}")

    def _infos(self, pairs: list[tuple[str, int, object]]) -> tuple[ctypes.Array[c_char], c_size_t]:
        """pmix_info_t[] of (key, type, value)."""
        array = ctypes.create_string_buffer(_INFO * max(len(pairs), 1))
        for index, (key, kind, value) in enumerate(pairs):
            data: object
            if kind in (STRING, REGEX):
                data = value
            elif kind == BOOL:
                data = ctypes.byref(ctypes.c_bool(bool(value)))
            else:
                data = ctypes.byref(c_uint32(int(str(value))))
            place = ctypes.byref(array, index * _INFO)
            self._check(key, self._lib.PMIx_Info_load(place, key.encode(), data, ctypes.c_uint16(kind)))
        return array, c_size_t(len(pairs))

    def init(self, client: object, abort: object, fence: object, direct: object, pairs: list[tuple[str, int, object]]) -> None:
        """PMIx_server_init. The callbacks must live as long as the process."""
        module = (c_void_p * _MODULE)()
        for place, function in ((_CLIENT, client), (_FINALIZED, client), (_ABORT, abort), (_FENCE, fence), (_DIRECT, direct)):
            module[place] = ctypes.cast(function, c_void_p)  # type: ignore[arg-type]
        self._check("PMIx_server_init", self._lib.PMIx_server_init(module, *self._infos(pairs)))

    def regex(self, names: str) -> bytes:
        """PMIx_generate_regex: a list of names in short."""
        return self._generated(self._lib.PMIx_generate_regex, names)

    def ppn(self, ranks: str) -> bytes:
        """PMIx_generate_ppn: which ranks are where, "0,1;2,3" in short."""
        return self._generated(self._lib.PMIx_generate_ppn, ranks)

    def _generated(self, function: ctypes._NamedFuncPointer, text: str) -> bytes:
        found = c_char_p()
        self._check("PMIx_generate", function(text.encode(), ctypes.byref(found)))
        return found.value or b""

    def register_nspace(self, nspace: str, local: int, pairs: list[tuple[str, int, object]]) -> None:
        self._check(
            "PMIx_server_register_nspace",
            self._lib.PMIx_server_register_nspace(nspace.encode(), c_int(local), *self._infos(pairs), None, None),
        )

    def register_client(self, nspace: str, rank: int, uid: int, gid: int) -> dict[str, str]:
        """Expect this task: the variables it must have."""
        proc = Proc(nspace.encode(), rank)
        status = self._lib.PMIx_server_register_client(ctypes.byref(proc), c_uint32(uid), c_uint32(gid), None, None, None)
        self._check("PMIx_server_register_client", status)
        environment = POINTER(c_char_p)()
        self._check("PMIx_server_setup_fork", self._lib.PMIx_server_setup_fork(ctypes.byref(proc), ctypes.byref(environment)))
        found: dict[str, str] = {}
        index = 0
        while environment and (entry := environment[index]) is not None:
            name, _, value = entry.decode(errors="surrogateescape").partition("=")
            found[name] = value
            index += 1
        return found

    def ask_direct(self, nspace: str, rank: int, answer: object, number: int) -> None:
        """PMIx_server_dmodex_request: what a task here has put. `answer` (DirectAnswer) is called with `number`."""
        proc = Proc(nspace.encode(), rank)
        self._check(
            "PMIx_server_dmodex_request", self._lib.PMIx_server_dmodex_request(ctypes.byref(proc), answer, c_void_p(number))
        )
