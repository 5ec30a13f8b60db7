"""Forms about people, consent and check runs. They read what a person typed and hold no rule of consent."""
