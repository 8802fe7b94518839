"""Who may talk to whom, by the network policies."""

from __future__ import annotations

import pytest

from tests.deploy.manifests import Manifest, Pod, find_pods, named, selects

STORE = "to-store", "to-dns"
EGRESS = {
    "web": {*STORE},
    "worker": {*STORE, "to-kafka"},
    "consumer": {*STORE, "to-kafka"},
    "runner": {*STORE, "to-warehouses"},
    "migrate": {*STORE},
    "portal": set[str](),
}


@pytest.fixture
def policies(manifests: list[Manifest]) -> dict[str, Manifest]:
    return {
        each["metadata"]["name"]: each["spec"]
        for each in manifests
        if each["kind"] == "NetworkPolicy"
    }


def test_what_nothing_allows_is_denied(policies: dict[str, Manifest]) -> None:
    assert policies["default-deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_each_role_reaches_what_it_needs(policies: dict[str, Manifest], pods: list[Pod]) -> None:
    for pod in pods:
        reached = {
            name
            for name, policy in policies.items()
            if "egress" in policy and selects(policy["podSelector"], pod.labels)
        }
        assert reached == EGRESS[pod.component]


def test_every_way_out_leads_somewhere(policies: dict[str, Manifest]) -> None:
    for name, policy in policies.items():
        for rule in policy.get("egress", []):
            assert rule["to"], name
            assert rule["ports"], name


def test_no_way_out_leads_everywhere(policies: dict[str, Manifest]) -> None:
    targets = [
        target
        for policy in policies.values()
        for rule in policy.get("egress", [])
        for target in rule["to"]
    ]
    assert targets
    assert not [each for each in targets if each.get("ipBlock", {}).get("cidr") == "0.0.0.0/0"]


def test_callers_reach_what_serves_by_a_port_that_it_has(
    policies: dict[str, Manifest], pods: list[Pod]
) -> None:
    ingress = policies["from-callers"]
    (rule,) = ingress["ingress"]
    (port,) = rule["ports"]
    assert rule["from"] == [{"namespaceSelector": {"matchLabels": {"stringx-caller": "true"}}}]
    reached = [pod for pod in pods if selects(ingress["podSelector"], pod.labels)]
    assert sorted(pod.component for pod in reached) == ["portal", "web"]
    for pod in reached:
        assert port["port"] in {each["name"] for each in pod.main["ports"]}


def test_the_consumers_metrics_are_scraped_by_who_may(production: list[Manifest]) -> None:
    (consumer,) = [pod for pod in find_pods(production) if pod.component == "consumer"]
    service = named(production, "Service/stringx-consumer")["spec"]
    monitor = named(production, "ServiceMonitor/stringx-consumer")["spec"]
    policy = named(production, "NetworkPolicy/from-monitoring")["spec"]
    assert service["selector"].items() <= consumer.labels.items()
    assert monitor["selector"]["matchLabels"].items() <= consumer.labels.items()
    assert selects(policy["podSelector"], consumer.labels)
    (port,) = consumer.main["ports"]
    given = dict(consumer.variables(consumer.main))
    assert given["STRINGX_KAFKA_METRICS_PORT"] == str(port["containerPort"])
    (served,), (scraped,) = service["ports"], monitor["endpoints"]
    assert port["name"] == served["targetPort"]
    assert served["name"] == scraped["port"]
    assert policy["ingress"][0]["ports"][0]["port"] == port["name"]


def test_production_leaves_its_addresses_to_the_operator(production: list[Manifest]) -> None:
    """192.0.2.0/24 is nobody's: a copy that was not filled in reaches nothing."""
    egress = {
        each["metadata"]["name"]: each["spec"]["egress"]
        for each in production
        if "egress" in each.get("spec", {})
    }
    for name in ("to-store", "to-warehouses", "to-kafka"):
        ((target,),) = [rule["to"] for rule in egress[name]]
        assert target["ipBlock"]["cidr"].startswith("192.0.2.")
