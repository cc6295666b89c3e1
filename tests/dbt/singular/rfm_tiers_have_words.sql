{# Each tier of the grid has its words as a tier, not only as another kind of label. #}

select rfm_tiers.rfm_tier

from {{ ref('rfm_tiers') }} as rfm_tiers

left join {{ ref('segment_labels') }} as segment_labels
    on
        rfm_tiers.rfm_tier = segment_labels.code
        and segment_labels.segment_kind = 'rfm_tier'

where segment_labels.code is null
