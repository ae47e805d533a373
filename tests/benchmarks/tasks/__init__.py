"""The ten commonest tasks, each written as the documentation of a library shows it, and really run."""
