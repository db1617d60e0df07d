"""Keeps a cgroup of version 2 from opening some devices: a small program of the kernel's BPF machine, attached to it.

The kernel asks it with a struct bpf_cgroup_dev_ctx at each open and mknod below the cgroup (linux/bpf.h); it answers 1 for yes.
The kernel drops it with the cgroup. Programs of groups above hold as well. It needs root.
"""

from __future__ import annotations

import os
import struct

from mgpu_slurm.node.supervisor import kernel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_PROG_LOAD, _PROG_ATTACH = 5, 8
_PROG_TYPE_CGROUP_DEVICE, _ATTACH_CGROUP_DEVICE = 15, 6
_ALLOW_MULTI = 2
_CHARACTER = 2

# opcodes: class and mode as linux/bpf_common.h and linux/bpf.h name them
_LOAD_WORD = 0x61  # LDX | MEM | W: dst = *(u32 *)(src + offset)
_AND = 0x57  # ALU64 | AND | K
_SKIP_UNLESS = 0x55  # JMP | JNE | K: on if dst is not the constant
_SET = 0xB7  # ALU64 | MOV | K
_EXIT = 0x95


def _step(opcode: int, to: int = 0, source: int = 0, offset: int = 0, constant: int = 0) -> bytes:
    return struct.pack("=BBhi", opcode, to | source << 4, offset, constant)


def program(denied: Iterable[tuple[int, int]]) -> bytes:
    """Refuses the character devices of these major and minor numbers."""
    tests = b"".join(
        _step(_SKIP_UNLESS, 3, offset=3, constant=major) + _step(_SKIP_UNLESS, 4, offset=2, constant=minor)
        + _step(_SET, 0, constant=0) + _step(_EXIT)
        for major, minor in denied
    )  # fmt: skip
    loads = _step(_LOAD_WORD, 2, 1, 0) + _step(_AND, 2, constant=0xFFFF) + _step(_LOAD_WORD, 3, 1, 4) + _step(_LOAD_WORD, 4, 1, 8)
    beyond = _step(_SKIP_UNLESS, 2, offset=len(tests) // 8, constant=_CHARACTER)
    return loads + beyond + tests + _step(_SET, 0, constant=1) + _step(_EXIT)


def attach(path: str, denied: Iterable[tuple[int, int]]) -> None:
    """To the cgroup at `path`. OSError: this kernel or a filter on its calls does not let us."""
    code = program(denied)
    text, licence = kernel.address_of(code), kernel.address_of(b"Apache-2.0\0")
    # type, count of instructions, code, licence; no log; the rest of the kernel's struct is zero
    head = struct.pack("=IIQQ", _PROG_TYPE_CGROUP_DEVICE, len(code) // 8, text.value or 0, licence.value or 0)
    loaded = kernel.bpf(_PROG_LOAD, head + bytes(96))
    try:
        group = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            kernel.bpf(_PROG_ATTACH, struct.pack("=IIII", group, loaded, _ATTACH_CGROUP_DEVICE, _ALLOW_MULTI) + bytes(112))
        finally:
            os.close(group)
    finally:
        os.close(loaded)
