"""The helpline's work, verb by verb, against the ports alone."""
