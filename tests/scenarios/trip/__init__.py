"""A process whose commands and replies can kill the worker that has them; see ``definition``."""
