"""``tests.fuzz.shop`` as a definition, for a site of its own."""
