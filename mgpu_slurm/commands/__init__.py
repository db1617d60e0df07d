"""The user's commands; each is run(argv, environ, cwd, streams) -> exit status."""
