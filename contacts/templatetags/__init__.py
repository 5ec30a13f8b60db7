"""What the contacts room adds to pages of rooms below it, which cannot import it."""
