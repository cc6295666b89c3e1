"""Why some mutants cannot be noticed: a pattern of the mutant's name, and the reason that goes into docs/mutants.md.

A reason is a claim about every shop, not about the shops we have. Before adding one, try to think of the customer who
would notice.
"""

SAME_KEYS = "Both tables have exactly one row for every customer, so an inner and a left join are the same."
ONLY_LOST = (
    "Only whether the state is `lost` is read, as `is_won_back`; how the other states are told apart does not "
    "show. Nobody "
    "is lost before 60 days, so a change that stays below that, or between the states before it, is no change."
)
NOT_A_DIVISOR = (
    "The divisor is twice a number of orders: never 1 and never negative; and a division by nought is null in "
    "DuckDB with or "
    "without the `nullif`, which is there for engines that stop."
)
NON_BUYERS = "Only rows of people who never bought are different, and no label or date of theirs looks at it."
SINGULAR = "The sentence is only written for larger counts: one of a kind is never spelled in it."
HALF_STEPS = (
    "A median or expected gap is a multiple of a quarter of a day: rounding it to two decimals first changes "
    "nothing, because the "
    "cast to one decimal rounds as well."
)
DISCOUNTS = (
    "The reference is missing, or above nought, because an order at a discount has one; and a share of nought makes "
    "the same nought in either branch. That nobody passes without a reference is said by the other condition."
)
NO_TURN = "A day on which neither extreme moves matches no amount: the range between before and after is empty."
TOO_LARGE = "No amount reaches this: it stands for `higher than anything` and fits the column only just."

EQUIVALENTS: tuple[tuple[str, str], ...] = (
    # -- joins of tables with the same keys
    (r"^customer_rfm\.rfm: INNER JOIN facts", SAME_KEYS),
    (r"^customer_types\.answers: INNER JOIN lifecycle", SAME_KEYS),
    (r"^int_customer_ad_flags\.numbers: INNER JOIN lifecycle", SAME_KEYS),
    (r"^customer_segments\.segments: INNER JOIN", SAME_KEYS),
    # -- customer_rfm
    (
        r"^customer_rfm\.newest_changes: stays.customer_id = scores.customer_id AND .* → stays.entered_on <= ",
        "Every row of the scores has the same as-of date, and changes of people who are no longer customers find "
        "nobody later.",
    ),
    # -- customer_lifecycle
    (r"\.states: expected_gap_days \* 3 / 1 → expected_gap_days \* 3 \* 1", "Times one and by one are the same."),
    (r"^customer_lifecycle\.states: recency_days \* 1 → recency_days / 1", "Times one and by one are the same."),
    (
        r"^customer_lifecycle\.rhythms: .*CAST\(0 AS DOUBLE\)",
        "Order days are at least a day apart, so no median is under one day; the floor is a promise, not a correction.",
    ),
    (r"^customer_lifecycle\.lifecycle: ROUND\(turns.expected_gap_days, 1\) → ROUND\(.*, 2\)", HALF_STEPS),
    # -- customer_personas
    (
        r"^customer_personas\.answers: COALESCE\(customer_value.is_above_average, FALSE\)",
        "The answer is null only for people without an order, whose persona is decided before it is asked.",
    ),
    (
        r"^customer_personas\.answers: COALESCE\(\(DATE_DIFF",
        "A `case` takes null for no: without a known first day nobody is too new either way.",
    ),
    (r"^customer_personas\.personas: .*engagement_count_(90d|lifetime) = 1", SINGULAR),
    # -- customer_types
    (
        r"^customer_types\.answers: COALESCE\(customer_value.is_high_value, FALSE\)",
        "The answer is null only for people without an order, whose type is decided before it is asked.",
    ),
    (
        r"^customer_types\.types: .*order_count > 0",
        "Both dates are null for people without an order, and so is the earlier of the two.",
    ),
    # -- customer_ad_segments
    (r"^customer_ad_segments\.best_customers: .*ROUND\((typical|median)_gap_days, 1\).*, 2\)", HALF_STEPS),
    (r"^customer_ad_segments\.\w+: CASE WHEN (order_count|email_received_count) = 1 THEN", SINGULAR),
    # -- int_rfm_scores
    (
        r"^int_rfm_scores\.scored_buyers_with_fm: .* / 2.0 → .* / 1.9",
        "Two scores from 1 to 5 and one are at most 11: for every such sum the quotient has the same whole part.",
    ),
    # -- int_customer_ad_flags
    (
        r"^int_customer_ad_flags\.numbers: (ranked_buyers.buyer_count > 1 → .* (>= 1|> 0)|.*ELSE CAST)",
        "It matters only for a shop with one buyer, who is not among the best because her other percent rank is "
        "0 as well.",
    ),
    (
        r"^int_customer_ad_flags\.numbers: (facts.order_count > 0|CASE WHEN facts.order_count > 0)",
        "The score is only asked of people with two orders or more.",
    ),
    (
        r"^int_customer_ad_flags\.numbers: .*/ facts.order_count\), 14\).* → .*/ facts.order_count\), 15\)",
        "A double near one half has no fifteenth decimal that could tell more than the fourteenth.",
    ),
    (
        r"^int_customer_ad_flags\.numbers: shop.reference_discount_share > 0 → "
        r"shop.reference_discount_share (>= 0|> -1)$",
        DISCOUNTS,
    ),
    (
        r"^int_customer_ad_flags\.numbers: .*ELSE 0 END … → .*ELSE -1 END",
        "Without a discount of her own she has no discounted order either: the score is below one half with 0 "
        "and with less.",
    ),
    # -- int_customer_predicted_flags
    (
        r"^int_customer_predicted_flags\.percent_ranked_buyers: .*_rank - 1 .* ELSE CAST\(-1 AS DOUBLE\) END",
        "It matters only where a single buyer has a prediction: she is in no top fifth, with a percent rank of "
        "-1 as with 0.",
    ),
    (
        r"^int_customer_predicted_flags\.percent_ranked_buyers: .*AS INT\) ELSE 0 END … → ",
        "It matters only where a single buyer has a prediction: the percent is told of the top fifth alone, and she is "
        "not in it.",
    ),
    # -- int_customer_projection
    (
        r"^int_customer_projection\.projection: COALESCE\(predictions\.expected_orders_365d, 0\) → "
        r"(predictions\.expected_orders_365d|COALESCE\(predictions\.expected_orders_365d, -?1\))$",
        "The number is told only where a prediction counts, and such a one never lacks it: nobody reads what stands "
        "for a missing one. A unit test of the model says that it is nought.",
    ),
    # -- int_customer_value
    (r"^int_customer_value\.buyers: ", NON_BUYERS),
    (
        r"^int_customer_value\.(order|type)_turns: INNER JOIN (order|type)_outlook",
        "An amount without a day of change has no row or a row without a day; the left join that follows reads "
        "both as null.",
    ),
    (
        r"^int_customer_value\.judged_buyers: COALESCE",
        "Null means that the shop has no average; those who read the answer take null for no.",
    ),
    # -- int_lifecycle_before_last_order
    (
        r"^int_lifecycle_before_last_order\.customer_orders: (WHERE )?order_day_count_before_last > 0",
        "Without an order day before the last the state is that of a prospect, not lost.",
    ),
    (
        r"^int_lifecycle_before_last_order\.rhythms: INNER JOIN typical_gap_on_days",
        "Every day that is looked at has its row: the days are taken from the same customers.",
    ),
    (r"^int_lifecycle_before_last_order\.(states|rhythms): (?!recency_days \* 1 <|recency_days < 60)", ONLY_LOST),
    # -- int_shop_facts
    (r"^int_shop_facts\.typical_gap: MAX", "It is taken of one row, the newest."),
    (
        r"^int_shop_facts\.discount_shares: customer_id → customer_id DESC",
        "It orders buyers of the same share, and any of them has that share.",
    ),
    (r"^(int_shop_facts|customer_facts|int_shop_value_outlook)\.\w+: NULLIF\(2 \* ", NOT_A_DIVISOR),
    # -- int_shop_value_outlook
    (
        r"^int_shop_value_outlook\.extremes: WHERE NOT average_now IS NULL",
        "Without an average now there is nobody above it, and no lowest average to rise over.",
    ),
    (r"^int_shop_value_outlook\.records: ", NO_TURN),
    (r"^int_shop_value_outlook\.extremes: COALESCE\(average_amount, 99999999999999\)", TOO_LARGE),
    (
        r"^int_shop_value_outlook\.days_in_window: CAST\(-1 \* 365 .* → CAST\(-1 \* 366",
        "The day that left the window yesterday makes a row in which nothing changes, and such rows are left out.",
    ),
    # -- int_typical_gap_by_day
    (
        r"^int_typical_gap_by_day\.gaps: WHERE NOT gap_days IS NULL",
        "A first order day closes no gap: it adds a day with the figures of the day before, or with the default "
        "that holds before "
        "the first gap anyway.",
    ),
    (r"^int_typical_gap_by_day\.medians: MAX\(total_gap_count\)", "All rows of a day have the same total."),
    # -- customer_facts
    (r"^customer_facts\.customers_with_orders: INNER JOIN acquisition", SAME_KEYS),
    (r"^customer_facts\.inputs: .* THEN 1 ELSE -1 END$", "It is only asked whether the highest of them is 1."),
    # -- customer_category_facts
    (
        r"^customer_category_facts\.category_facts: NULLIF\(.*, 0\) → NULLIF\(.*, -1\)",
        "What a customer paid for valid orders is above nought.",
    ),
    # -- int_customer_orders
    (
        r"^int_customer_orders\.customer_orders: COALESCE\(gaps_by_customer.order_day_count, 0\)",
        "`customer_facts` turns null into nought once more, for customers without any order.",
    ),
    (
        r"^int_customer_orders\.customer_orders: COALESCE\(gaps_by_customer.order_day_count_before_last, 0\)",
        "Without a valid order there is no last order day, and the only reader joins on that day.",
    ),
    (
        r"^int_customer_orders\.orders_by_customer: .*margin_amount IS NULL THEN 1 END → .* THEN 2 END",
        "It is only asked whether the count is nought.",
    ),
    # -- customer_importance
    (
        r"^customer_importance\.percent_ranked_buyers: (.*ELSE CAST\(0 AS DOUBLE\) END|"
        r"buyer_count > 1 → buyer_count >= 1 \(no. 2\)|"
        r"CASE WHEN buyer_count > 1 THEN .* END → CASE WHEN buyer_count > 0 )",
        "It matters only for a shop with one buyer: she is no VIP, which takes both ranks, whatever the one by revenue "
        "is; and by orders -1 is below every threshold, as 0 is.",
    ),
    # -- int_peak_weeks
    (
        r"^int_peak_weeks\.high_weeks: EXTRACT\(MONTH FROM ranked_weeks.monday_on\) <= 9 → .* <= 10$",
        "A week that begins in October ends in October or November, which the other half of the condition leaves out.",
    ),
    (
        r"^int_peak_weeks\.high_weeks: INNER JOIN yearly_medians",
        "Every year that has weeks has a median.",
    ),
    (
        r"^int_peak_weeks\.peak_weeks: INNER JOIN week_years",
        "Every week with sales lies between the first and the last, and is counted there.",
    ),
    (
        r"^int_peak_weeks\.ranked_weeks: net_amount → net_amount DESC",
        "The middle is the middle from either end.",
    ),
    (
        r"^int_peak_weeks\.ranked_weeks: iso_week → iso_week DESC",
        "It orders weeks of the same revenue, and any of them has that revenue.",
    ),
)
