"""How dates are written, by language, where it differs from Django's."""
