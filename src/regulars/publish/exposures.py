"""dbt exposures of what is published, so that lineage goes on to the places where marketing happens."""

import re
from collections import Counter

import yaml

from regulars.publish.plan import sync_name
from regulars.publish.settings import Settings


def exposures_yaml(settings: Settings) -> str:
    """A YAML file for the dbt project, one exposure a sync, in the order of `publish.yml`."""
    exposures = []
    names: Counter[str] = Counter()
    for sync in settings.syncs:
        # Of a family the model's name comes before the colon.
        model = f"aud_{sync.audience.split(':')[0]}"
        said = settings.destinations[sync.destination]
        sent = [f"{name} of int_customer_contacts" for name in sync.identifiers]
        sent += [f"{name} of customer_segments" for name in sync.columns]
        sent += ["member_value of audience_members"] if sync.value == "member_value" else []
        name = re.sub(r"\W+", "_", f"publish_{sync_name(sync)}")
        # dbt wants letters only, and no name twice.
        names[name] += 1
        exposures.append(
            {
                "name": name if names[name] == 1 else f"{name}_{names[name]}",
                "label": f"{sync.audience} → {sync_name(sync)}",
                "type": "application",
                "maturity": "high",
                "description": (
                    f"Members of {sync.audience} who agreed to {sync.purpose}, kept in step with {sync.object_name}"
                    f" of {sync.destination} ({said.type}) by regulars publish. Sent: {', '.join(sent)}."
                ),
                "owner": {"name": "whoever looks after publish.yml"},
                "depends_on": [
                    f"ref('{name}')"
                    for name in (model, "audience_members", "customer_segments", "int_customer_contacts")
                ],
            }
        )
    head = "# Written by `regulars publish exposures`; write it again when publish.yml changes.\n"
    return head + yaml.safe_dump({"version": 2, "exposures": exposures}, sort_keys=False, allow_unicode=True, width=150)
