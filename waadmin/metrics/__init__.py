"""What Prometheus reads: all of it from the database, at the moment it is asked.

Several processes on several hosts serve and work, so that none could count for all. What has happened is given as
gauges over the last minutes and never as counters: erasures and retention remove rows and rows change their outcome, so
a count of a table can fall, and a counter must not. Only the number of the ledger's last event never falls. Labels are
names of accounts and words of ours; never a person, a number or what somebody wrote. Every query reads a range of an
index or a small table, and their number does not grow with the rows.
"""
