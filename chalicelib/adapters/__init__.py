"""The outside world behind the ports: no rules here, only guards."""
