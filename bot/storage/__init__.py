"""The record of everything, in SQLite or PostgreSQL: the only memory that survives.

Nothing here decides what a request may do; `bot.power` does, and what it decided is kept.

opening.py      a database URL -> a Store, with its schema brought up or refused
connections.py  durable settings, who may write, the drivers' own quirks
dialects.py     one way to write a statement for both databases
store.py        the port: write, read, claims, inbox and outbox
group_commit.py many waiting transactions, one commit
figures.py      the counts that an operator watches
writer.py       the one connection that writes, and what is certain when it breaks
transaction.py  the Tx: requests, approvals, switches; inbox, runs, outbox, audit beside it
"""
