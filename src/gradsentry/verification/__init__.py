"""Asks a tuned model whether it has learned a backdoor that a scan found in its data."""

from gradsentry.verification.found_rates import PayloadRates, Presence, Rate, Unsure
from gradsentry.verification.verified_model import GroupVerification, ModelVerification
from gradsentry.verification.verify_options import VerifyOptions
from gradsentry.verification.verifying import verify_model

__all__ = [
    "GroupVerification",
    "ModelVerification",
    "PayloadRates",
    "Presence",
    "Rate",
    "Unsure",
    "VerifyOptions",
    "verify_model",
]
