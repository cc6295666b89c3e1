"""Purchase intent: will a customer buy within a horizon, when, and what is it worth?"""
