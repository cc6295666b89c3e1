{# A missing cell would leave buyers without a tier. Keys and ranges are tested in _seeds.yml: 25 rows are the grid. #}

select count(*) as cell_count

from {{ ref('rfm_tiers') }}

having count(*) <> 25
