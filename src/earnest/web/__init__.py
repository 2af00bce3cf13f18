"""The pages: what freelancers, agencies, clients and operators see, over the same use cases as the API."""
