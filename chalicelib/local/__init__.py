"""What runs on a person's own machine: the server, the built-in issuer, the demo and the doctor; app.py never imports it."""
