"""The helpline's rules: values and pure functions, with no input or output of their own."""
