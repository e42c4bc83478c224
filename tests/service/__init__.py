"""A small service for early help referrals with defects that can be switched on, to test the tester."""
