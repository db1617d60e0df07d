"""scancel's options."""

from __future__ import annotations

from mgpu_slurm.facts.option import AUTOCOMPLETE, Option

_LATER = (23, 2)

ROWS: tuple[Option, ...] = (
    Option("account", "A", "", "text", "account", "", "only jobs of this account", "SCANCEL_ACCOUNT"),
    Option("admin-comment", "", "", "text", "admin_comment", "", "leave a comment on the jobs", since=(25, 5)),
    Option("batch", "b", "", "flag", "batch", "", "signal the batch shell only", "SCANCEL_BATCH"),
    Option("ctld", "", "", "flag", "ctld", "", "let the controller find the jobs", "SCANCEL_CTLD"),
    Option("cron", "c", "", "flag", "cron", "", "scrontab jobs too", "SCANCEL_CRON", since=_LATER),
    Option("full", "f", "", "flag", "full", "", "signal the batch shell and all steps", "SCANCEL_FULL"),
    Option("help", "", "", "help", "help", "", "list the options"),
    Option("hurry", "H", "", "flag", "hurry", "", "no stage-out, no time to end", "SCANCEL_HURRY"),
    Option("interactive", "i", "", "flag", "interactive", "", "ask about each job", "SCANCEL_INTERACTIVE"),
    Option("cluster", "M", "", "text", "clusters", "", "other clusters", "SLURM_CLUSTERS"),
    Option("clusters", "M", "", "text", "clusters", "", "other clusters", "SLURM_CLUSTERS"),
    Option("jobname", "n", "", "text", "name", "", "only jobs of this name", "SCANCEL_NAME"),
    Option("me", "", "", "flag", "me", "", "own jobs"),
    Option("name", "n", "", "text", "name", "", "only jobs of this name", "SCANCEL_NAME"),
    Option("nodelist", "w", "", "text", "nodelist", "", "only jobs on these nodes"),
    Option("partition", "p", "", "text", "partition", "", "only jobs of this partition", "SCANCEL_PARTITION"),
    Option("qos", "q", "", "text", "qos", "", "only jobs of this QOS", "SCANCEL_QOS"),
    Option("quiet", "Q", "", "flag", "quiet", "", "no complaints about jobs that are over"),
    Option("reservation", "R", "", "text", "reservation", "", "only jobs of this reservation"),
    Option("sibling", "", "", "text", "sibling", "", "a sibling of a federated job"),
    Option("signal", "s", "", "text", "signal", "", "send this signal instead of ending"),
    Option("state", "t", "", "text", "state", "", "only PENDING, RUNNING or SUSPENDED jobs", "SCANCEL_STATE"),
    Option("usage", "", "", "usage", "usage", "", "the short list of options"),
    Option("user", "u", "", "text", "user", "", "jobs of this user", "SCANCEL_USER"),
    Option("verbose", "v", "", "count", "verbose", "", "more about what is done", "SCANCEL_VERBOSE"),
    Option("version", "V", "", "version", "version", "", "the version"),
    Option("wckey", "", "", "text", "wckey", "", "only jobs with this key", "SCANCEL_WCKEY"),
    AUTOCOMPLETE,
)

USAGE = """\
Usage: scancel [-A account] [--batch] [--full] [--interactive] [-n job_name]
               [-p partition] [-Q] [-q qos] [-R reservation] [-s signal | integer]
               [-t PENDING | RUNNING | SUSPENDED] [--usage] [-u user_name]
               [--hurry] [-V] [-v] [-w hosts...] [--wckey=wckey]
               [job_id[_array_id][.step_id]]
"""
