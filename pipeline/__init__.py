"""How work is described, stored, scheduled and shown. Knows no faces, no torch and no cluster."""
