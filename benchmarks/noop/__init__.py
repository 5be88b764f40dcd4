"""A process of three steps whose handlers do nothing: what remains is the engine's own cost."""
