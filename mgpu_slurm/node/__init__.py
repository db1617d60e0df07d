"""The node daemon: hardware, launcher, spool and the supervisors of steps."""
