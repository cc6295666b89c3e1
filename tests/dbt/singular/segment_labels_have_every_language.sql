{# The key is unique and the language is one of six, so six rows a code are all the languages. #}

select
    segment_kind,
    code,
    count(*) as language_count

from {{ ref('segment_labels') }}

group by segment_kind, code

having count(*) <> 6
