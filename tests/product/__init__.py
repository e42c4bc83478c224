"""
Caseload: a children's services product of another making than the reference, which plays the same journeys.

It has paths, field names, codes, paging, errors and a credential of its own, and ``binding.arazzo.yaml`` says how each
capability is done with it.
"""
