"""Backup and restore: a folder that proves itself, a restore that is whole or refused, and a drill of both."""
