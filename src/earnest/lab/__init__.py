"""The lab: a marketplace in memory on the pure rules, to simulate on and to try rules in."""
