"""Broken twins: the product with one guard taken out; a test must notice each of them."""
