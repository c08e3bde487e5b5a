"""Attacks and benign patterns written by people who hadn't seen the detector."""
