"""How the tasks of a step find each other, as --mpi said: nothing, PMI by our own servers, or PMIx by its library."""

from __future__ import annotations

from mgpu_slurm.node.supervisor import pmi_sockets, pmix_library, pmix_server

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from mgpu_slurm.node.supervisor.identity import Identity
    from mgpu_slurm.node.supervisor.order import Order

    Server = pmi_sockets.PmiServer | pmix_server.PmixServer


def start(
    order: Order, who: Identity, tell: Callable[[dict[str, object]], None], complain: Callable[[str], None]
) -> Server | None:
    """The server of this node's tasks. `tell`: to srun; `complain`: a line for the user. pmix_library.NoLibrary: the step
    cannot have what it asks for, and how to mend it."""
    kind = order.launch.get("mpi")
    if kind == "pmi2":
        return pmi_sockets.PmiServer(order, tell, complain)
    if kind == "pmix" and order.ranks:
        try:
            return pmix_server.PmixServer(order, who, tell)
        except pmix_library.NoLibrary as error:
            raise pmix_library.NoLibrary(f"mpi/pmix: {error}; {pmix_library.HOW_TO_GET}") from None
    return None


def clean_up(server: Server | None) -> None:
    """No process of the step lives."""
    if isinstance(server, pmix_server.PmixServer):
        server.remove()
