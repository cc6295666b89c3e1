{# A window typed the wrong way round matches no order and nobody would notice. #}

select
    occasion as window_name,
    starts_on,
    ends_on

from {{ ref('gift_occasions') }}

where ends_on < starts_on

union all

select
    peak_season as window_name,
    starts_on,
    ends_on

from {{ ref('peak_seasons') }}

where ends_on < starts_on
