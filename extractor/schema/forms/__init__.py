"""Record types in another form: with quotes of the text, and in parts, as chunks give them. Pure."""
