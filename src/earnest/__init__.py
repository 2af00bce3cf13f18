"""Earnest: connects for freelance marketplaces, exact and explained."""
