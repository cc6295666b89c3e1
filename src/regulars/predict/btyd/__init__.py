"""Buy till you die: people order at a rate of their own until, unseen, they stop.

`statistics` collapses order histories, `bgnbd` and `mbgnbd` fit the two models of how often and how long, `forecast`
says what a fit expects of each customer, and `gamma_gamma` says how much one order is worth.
"""
