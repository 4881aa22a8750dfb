"""Objectives: what is maximized."""
