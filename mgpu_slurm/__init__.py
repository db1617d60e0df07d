"""Slurm's commands for GPU machines, without Slurm's administration."""

__version__ = "0.1.0"
