"""The binary's main script: one program for all names."""

from mgpu_slurm.boot import from_binary

from_binary()
