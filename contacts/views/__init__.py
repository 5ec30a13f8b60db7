"""The pages about people, consent and check runs. Each calls one journey and holds no rule of its own."""
