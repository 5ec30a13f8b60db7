"""The doctor: looks at an installation as it stands and says what is wrong and how to mend it; it changes nothing."""
