"""The operators' console for the troubleshooting queue.

    selectors    what an operator is shown
    operations   what an operator does: permission is the surface's, every rule is here
    resolutions  how parked commands are resolved, one or a thousand, in a few statements
    admin        the console (the REST API and the commands are as thin)

It knows the engine; neither the bus nor the engine knows it.
"""
