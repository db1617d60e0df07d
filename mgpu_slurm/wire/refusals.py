"""How a daemon says no: every exception of a conversation as an error reply with Slurm's number."""

from __future__ import annotations

from collections.abc import Mapping

from mgpu_slurm.base.errors import (
    ESLURM_INTERNAL,
    SLURM_PROTOCOL_AUTHENTICATION_ERROR,
    SLURM_PROTOCOL_INSANE_MSG_LENGTH,
    SLURM_UNEXPECTED_MSG_ERROR,
    ProtocolError,
    SlurmError,
)
from mgpu_slurm.wire.credential import CredentialError
from mgpu_slurm.wire.frames import FrameError


class Refused(Exception):
    """The conversation cannot go on; the reply says why."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def refusal(error: Exception) -> Mapping[str, object]:
    """The error reply for an exception."""
    detail = str(error)
    code, text = ESLURM_INTERNAL, ""
    if isinstance(error, SlurmError):
        code, text, detail = error.code, error.text, str(getattr(error, "detail", ""))
    elif isinstance(error, Refused):
        code = error.code
    elif isinstance(error, CredentialError):
        code, detail = SLURM_PROTOCOL_AUTHENTICATION_ERROR, error.reason
    elif isinstance(error, FrameError) and error.oversized:
        code = SLURM_PROTOCOL_INSANE_MSG_LENGTH
    elif isinstance(error, ProtocolError):
        code = SLURM_UNEXPECTED_MSG_ERROR
    else:
        detail = ""  # what went wrong inside is for the log, not for strangers
    return {"kind": "error", "code": code, "text": text or SlurmError(code).text, "detail": detail}
