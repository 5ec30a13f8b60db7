"""What happened: the append-only ledger and the log of outbound calls. Imports nothing of ours."""
