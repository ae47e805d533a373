"""The command line: one file a command, `app` puts them together. The only place for Typer and rich."""
