"""From ssh hosts to a cluster: look at them, bring the programs, start the daemons, and take it all back."""
