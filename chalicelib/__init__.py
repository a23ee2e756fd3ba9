"""Quietline: anonymous contact requests and signposting for helplines that prevent child sexual abuse."""
