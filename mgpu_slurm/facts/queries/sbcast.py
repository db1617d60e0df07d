"""sbcast's options."""

from __future__ import annotations

from mgpu_slurm.facts.option import Option

ROWS: tuple[Option, ...] = (
    Option("autocomplete", "", "", "text", "autocomplete", "", "", since=(23, 2)),
    Option("compress", "C", "", "text", "compress", "", "compress the file on its way", "SBCAST_COMPRESS", optional=True),
    Option("exclude", "", "", "text", "exclude", "", "directories of libraries to leave out", "SBCAST_EXCLUDE"),
    Option("fanout", "F", "", "text", "fanout", "", "nodes served at a time", "SBCAST_FANOUT"),
    Option("force", "f", "", "flag", "force", "", "replace a file that exists", "SBCAST_FORCE"),
    Option("help", "", "", "help", "help", "", "list the options"),
    Option("jobid", "j", "", "text", "jobid", "", "the job, or step, whose nodes get the file", "SLURM_JOB_ID"),
    Option("preserve", "p", "", "flag", "preserve", "", "keep times and mode", "SBCAST_PRESERVE"),
    Option("send-libs", "", "", "text", "send_libs", "", "copy shared libraries too", "SBCAST_SEND_LIBS", optional=True),
    Option("size", "s", "", "text", "size", "", "size of blocks", "SBCAST_SIZE"),
    Option("timeout", "t", "", "text", "timeout", "", "seconds to wait for a node", "SBCAST_TIMEOUT"),
    Option("treewidth", "", "", "text", "fanout", "", "the same as fanout", "SBCAST_TREE_WIDTH", since=(23, 2)),
    Option("usage", "", "", "usage", "usage", "", "the short list of options"),
    Option("verbose", "v", "", "count", "verbose", "", "more about what is done"),
    Option("version", "V", "", "version", "version", "", "the version"),
)

USAGE = "Usage: sbcast [--exclude] [-CfFjpvV] [--send-libs] SOURCE DEST\n"
