"""Tables of Slurm's facts: options, environment, states, reasons, fields, configuration keys."""
