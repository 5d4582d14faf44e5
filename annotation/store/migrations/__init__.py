"""Alembic's folder: `env.py` runs the steps in `versions/`, in the order of their down_revision."""
