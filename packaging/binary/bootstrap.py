"""The first code of the binary, in place of PyInstaller's own bootstrap.

That one prepares for archives of modules, ctypes, eggs and virtual environments, which costs as much as a whole command,
and takes VIRTUAL_ENV out of the environment that a job is to receive. Here modules are plain files beside the program
(mgpu.spec), so the interpreter finds them by itself.
"""

import sys

sys.frozen = True
