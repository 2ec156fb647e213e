"""The manifests, against Kubernetes' own schemas, and what they must and must not say."""

from __future__ import annotations

from typing import Any

import kubernetes_validate
import pytest
import yaml

from bot import settings
from bot.operations.ship import kubernetes, layout
from tests.operations.ship import tools

# The oldest release that is still supported somewhere, and the newest whose schemas are here.
RELEASES = ("1.31", kubernetes_validate.latest_version())


def manifests(*words: str, **environment: str) -> dict[str, dict[str, Any]]:
    """Return the manifests that are printed, by their kinds."""
    text = tools.shipped("kubernetes", *words, environment=environment)
    return {one["kind"]: one for one in yaml.safe_load_all(text)}


def pod() -> dict[str, Any]:
    """Return the pod's specification."""
    found: dict[str, Any] = manifests()["Deployment"]["spec"]["template"]["spec"]
    return found


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("transport", ["socket", "http"])
def test_kubernetes_takes_every_manifest(release: str, transport: str) -> None:
    """Strictly: no key that the release doesn't know."""
    found = manifests("--transport", transport)

    assert set(found) == {
        "ServiceAccount",
        "Secret",
        "Deployment",
        "Service",
        "NetworkPolicy",
        "PodDisruptionBudget",
    }
    for one in found.values():
        kubernetes_validate.validate(one, release, strict=True)


def test_a_manifest_with_a_wrong_key_is_not_taken() -> None:
    """The schemas do hold."""
    wrong = manifests()["Deployment"]
    wrong["spec"]["replicaz"] = 2

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, RELEASES[0], strict=True)


def test_two_replicas_are_never_three_and_never_none() -> None:
    """A third would look like a stranger on the Slack app; the budget keeps one."""
    found = manifests()

    assert found["Deployment"]["spec"]["replicas"] == 2
    assert found["Deployment"]["spec"]["strategy"]["rollingUpdate"] == {
        "maxSurge": 0,
        "maxUnavailable": 1,
    }
    assert found["PodDisruptionBudget"]["spec"]["maxUnavailable"] == 1


def test_the_pod_has_no_rights() -> None:
    """One user, a root that can't be written, no capability, no token of the cluster."""
    found = pod()

    assert found["securityContext"]["runAsUser"] == layout.USER
    assert found["securityContext"]["runAsNonRoot"]
    assert found["automountServiceAccountToken"] is False
    for one in (*found["containers"], *found["initContainers"]):
        assert one["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_the_pod_is_asked_whether_it_lives_and_whether_it_can_work() -> None:
    """A pod that waits for Slack isn't killed for it, and one that stops has the time."""
    (bot,) = pod()["containers"]

    assert bot["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert bot["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert bot["command"] == ["/app/.venv/bin/powerbot", "run"]
    assert pod()["initContainers"][0]["command"] == ["/app/.venv/bin/powerbot", "migrate"]
    assert pod()["terminationGracePeriodSeconds"] == layout.STOP_S
    # Kubernetes would set POWERBOT_PORT to an address for a service of our name.
    assert pod()["enableServiceLinks"] is False


def test_the_secret_holds_no_value_and_applying_it_takes_none_away() -> None:
    """What a `kubectl apply` doesn't name it leaves alone."""
    own = {"SLACK_BOT_TOKEN": "xoxb-own", "HUAWEICLOUD_SDK_SK": "own-secret-key"}
    text = tools.shipped("kubernetes", environment=own)
    secret = manifests()["Secret"]

    assert not {"data", "stringData"} & set(secret)
    assert not any(value in text for value in own.values())


def test_every_variable_is_a_setting_and_every_secret_a_mounted_file() -> None:
    """The policy's folder is mounted whole, so that a new one is seen."""
    known = {
        name for field in settings.Settings.model_fields.values() for name in settings.names(field)
    }
    (bot,) = pod()["containers"]
    environment = {one["name"]: one["value"] for one in bot["env"]}
    mounts = {one["mountPath"] for one in bot["volumeMounts"]}

    assert {name.removesuffix("_FILE") for name in environment} <= known
    for name, value in environment.items():
        if name.endswith("_FILE"):
            assert value == f"{layout.SECRETS}/{name.removesuffix('_FILE')}"
    assert {layout.SECRETS, layout.CONFIG} <= mounts
    assert environment["POWERBOT_POLICY"].startswith(layout.CONFIG)
    assert not any("subPath" in one for one in bot["volumeMounts"])


def test_nobody_reaches_the_bot_but_who_must_and_it_reaches_only_what_it_needs() -> None:
    """Prometheus, and over HTTP the proxy; names, PostgreSQL and HTTPS, at the settings' ports."""
    own = {
        "POWERBOT_DATABASE_URL": "postgresql://h:6432/d",
        "CLOUDDC_ENDPOINT": "https://cloud:8443",
    }
    by_socket = manifests(**own)["NetworkPolicy"]["spec"]
    by_http = manifests("--transport", "http")["NetworkPolicy"]["spec"]

    assert by_socket["policyTypes"] == ["Ingress", "Egress"]
    assert len(by_socket["ingress"][0]["from"]) == 1
    assert len(by_http["ingress"][0]["from"]) == 2
    ports = {port["port"] for rule in by_socket["egress"] for port in rule["ports"]}
    assert ports == {53, 443, 6432, 8443}
    assert kubernetes.MONITORING in str(by_socket["ingress"])
