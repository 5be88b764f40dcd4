"""Tells people and services of new entries.

gathering  which entries a rule has not told of yet: one notification per error group, interval
           and recipient, written in one transaction with the note that they are told
sending    takes what is due under a lease, sends it outside any transaction, notes how it went
webhook    one signed POST (``signing``), to an address that may be used (``addresses``)
mail       one e-mail
forms      what a rule may be
"""
