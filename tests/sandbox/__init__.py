"""The stand-in providers keep their documents' word."""
