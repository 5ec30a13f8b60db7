"""Proof for others: everything on record about one person's consent, and the opt-ins that would not convince."""
