"""Commands about stored webhooks; each calls one journey."""
