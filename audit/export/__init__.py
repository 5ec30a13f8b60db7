"""Exports: one consistent snapshot of what auditors need, as plain files with digests and the signed ledger."""
