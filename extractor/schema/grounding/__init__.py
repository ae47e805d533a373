"""Values that have to stand in the text: how a type says so, and the grammar that holds them to it."""
