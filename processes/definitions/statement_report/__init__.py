"""The worked example: a bank sends a customer the statement of an account.

    QUERY       ledger.py       the account's transactions of the period
    AGGREGATE   aggregation.py  balances and totals, to the cent
    RENDER      rendering.py    HTML or CSV, put in place by storage.py   undone by DELETE_RENDER
    REGISTER    models.py       enters it in the index of statements      undone by DEREGISTER
    NOTIFY      notification.py e-mail to the customer

``manager.py`` decides which step comes next, ``handlers.py`` does the steps, ``request.py``
checks what a process is started with.  ``loading.py`` fills the ledger from a CSV file,
``chaos.py`` injects failures on request, and ``demo`` plays the whole story.
"""
