"""How people sign in: password and second factor, throttled; how long a session lasts; when an account ends."""
