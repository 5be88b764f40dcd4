"""The demo: the whole story of the example on real workers, told step by step.

``story`` tells it: ``cast`` asks for one statement per account and decides which ones fail how;
``cluster`` runs the workers, ``progress`` waits for them; ``operator`` resolves what is parked;
``screens`` shows the tables; ``verify`` checks that everything turned out as expected.
"""
