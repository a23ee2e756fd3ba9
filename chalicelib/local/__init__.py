"""What runs on a person's own machine: server, built-in issuer, demo and doctor; app.py never imports it."""
