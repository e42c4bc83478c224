"""Journeys as part of a run."""
