"""sattach's options."""

from __future__ import annotations

from mgpu_slurm.facts.option import Option

ROWS: tuple[Option, ...] = (
    Option("autocomplete", "", "", "text", "autocomplete", "", "", since=(23, 2)),
    Option("debugger-test", "", "", "flag", "debugger_test", "", ""),
    Option("error-filter", "", "", "text", "error_filter", "", "only this task's standard error"),
    Option("help", "h", "", "help", "help", "", "list the options"),
    Option("input-filter", "", "", "text", "input_filter", "", "input for this task only"),
    Option("label", "l", "", "flag", "label", "", "the task's number before each line"),
    Option("layout", "", "", "flag", "layout", "", "show which task is where, and end"),
    Option("output-filter", "", "", "text", "output_filter", "", "only this task's standard output"),
    Option("pty", "", "", "flag", "pty", "", "take part in a terminal"),
    Option("quiet", "Q", "", "flag", "quiet", "", "no remarks"),
    Option("usage", "u", "", "usage", "usage", "", "the short list of options"),
    Option("verbose", "v", "", "count", "verbose", "", "more about what is done"),
    Option("version", "V", "", "version", "version", "", "the version"),
)

USAGE = "Usage: sattach [options] <jobid.stepid>\n"
