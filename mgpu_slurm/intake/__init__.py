"""Words to a request as plain data: argv, environment, script headers, configuration files."""
