"""The vendor's own Python client works against the stand-in, signatures and refusals included.

The client lives in an environment of its own, because it is no dependency of ours; a run without
it fails, for a skipped check proves nothing.
"""

import asyncio
import json
import os
import subprocess
import time
import venv
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.sandbox import data_centre
from bot.sandbox.data_centre import Action, DataCentre, Generation, Pace, Power, Server, serve

from .builders import ACCOUNT

VERSION = "3.1.219"
INSTALL_DEADLINE_S = 600
CALL_DEADLINE_S = 120
SERVERS = 60
NOBODY = "01939592-e8fe-7d9b-9332-4589486377a4"
PROXIES = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}

# Runs in the vendor's environment: one call as told on the command line, its outcome as JSON.
CLIENT = """
import json
import sys

from huaweicloudsdkclouddc.v1 import (
    ChangeServerPowerStateRequest, CloudDCClient, ListServersRequest, PowerAction,
    ShowServerRequest, ShowServerStatusRequest,
)
from huaweicloudsdkclouddc.v1.region.clouddc_region import CloudDCRegion
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ServiceResponseException

url, ak, sk, project_id, wanted = json.loads(sys.argv[1])
builder = CloudDCClient.new_builder()
if project_id:
    builder.with_credentials(BasicCredentials(ak, sk, project_id)).with_endpoint(url)
else:
    credentials = BasicCredentials(ak, sk).with_iam_endpoint(url)
    builder.with_credentials(credentials).with_region(CloudDCRegion.value_of("cn-east-3"))
client = builder.build()
name, arguments = wanted
try:
    if name == "list":
        response = client.list_servers(ListServersRequest(**arguments))
    elif name == "show":
        response = client.show_server(ShowServerRequest(**arguments))
    elif name == "status":
        response = client.show_server_status(ShowServerStatusRequest())
    else:
        body = PowerAction(**arguments)
        response = client.change_server_power_state(ChangeServerPowerStateRequest(body=body))
    outcome = {"status": response.status_code, "body": response.to_json_object()}
except ServiceResponseException as error:
    outcome = {
        "status": error.status_code, "code": error.error_code, "message": error.error_msg,
        "request_id": error.request_id,
    }
print(json.dumps(outcome))
"""


@dataclass(frozen=True)
class VendorClient:
    """The vendor's client, run as a program against one served data centre."""

    python: Path
    home: Path
    url: str
    centre: DataCentre

    async def call(
        self, name: str, *, sk: str = ACCOUNT.sk, project_id: str = ACCOUNT.project_id,
        **arguments: object,
    ) -> dict[str, object]:  # fmt: skip
        """Let it make one call, and return what it understood of the answer."""
        told = json.dumps([self.url, ACCOUNT.ak, sk, project_id, [name, arguments]])
        process = await asyncio.create_subprocess_exec(
            self.python, "-c", CLIENT, told, stdout=-1, stderr=-1, env=self._environment()
        )  # fmt: skip
        async with asyncio.timeout(CALL_DEADLINE_S):
            output, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()
        outcome = json.loads(output)
        assert isinstance(outcome, dict)
        return outcome

    def _environment(self) -> dict[str, str]:
        # Importing the client writes a file to the home folder, and proxies would catch loopback.
        kept = {name: value for name, value in os.environ.items() if name.upper() not in PROXIES}
        region = {"HUAWEICLOUD_SDK_REGION_CLOUDDC_CN_EAST_3": self.url}
        return kept | region | {"HOME": str(self.home)}


@pytest.fixture(scope="session")
def vendor_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that has the vendor's client installed."""
    folder = tmp_path_factory.mktemp("vendor")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    packages = [f"huaweicloudsdkcore=={VERSION}", f"huaweicloudsdkclouddc=={VERSION}"]
    pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
    installed = subprocess.run(
        [str(python), *pip],
        capture_output=True,
        text=True,
        timeout=INSTALL_DEADLINE_S,
        check=False,
    )
    assert installed.returncode == 0, f"The vendor's client can't be installed: {installed.stderr}"
    return python


@pytest.fixture
async def vendor(vendor_python: Path, tmp_path: Path) -> AsyncIterator[VendorClient]:
    """The vendor's client in front of a served data centre with quick servers."""
    centre = DataCentre(
        data_centre.build(SERVERS),
        clock=time.monotonic,
        wall=lambda: datetime.now(UTC),
        account=ACCOUNT,
        pace=Pace(duration_s=0.001),
    )
    running = await serve.start(centre)
    yield VendorClient(vendor_python, tmp_path, running.url, centre)
    await running.stop()


def server_that_is(centre: DataCentre, power: Power) -> Server:
    """A server of the fleet that starts in this state."""
    machines = centre.inventory.machines
    return next(machine.server for machine in machines if machine.server.power is power)


def dig(value: object, *path: str | int) -> object:
    """Follow a path into decoded JSON."""
    for key in path:
        value = value[key]  # type: ignore[index]
    return value


async def test_vendor_client_lists_every_server(vendor: VendorClient) -> None:
    """The whole fleet fits a page, and each row decodes with its states."""
    outcome = await vendor.call("list", limit=1000, manage_state="in-use")

    assert outcome["status"] == 200
    rows = dig(outcome, "body", "servers")
    assert isinstance(rows, list)
    assert len(rows) == SERVERS
    assert {dig(row, "power_state") for row in rows} == {"on", "off"}
    assert dig(outcome, "body", "page_info", "current_count") == SERVERS


async def test_vendor_client_pages_by_marker(vendor: VendorClient) -> None:
    """The next page begins behind the marker of the one before."""
    first = await vendor.call("list", limit=10)
    marker = dig(first, "body", "page_info", "next_marker")

    second = await vendor.call("list", limit=10, marker=marker)

    assert str(dig(second, "body", "servers", 0, "id")) > str(marker)


async def test_vendor_client_powers_on_a_server_that_is_off(vendor: VendorClient) -> None:
    """The call is accepted with its id, and the record then shows how it ended."""
    server = server_that_is(vendor.centre, Power.OFF)

    outcome = await vendor.call("power", action="power on", server_id_set=[server.id])
    shown = await vendor.call("show", id=server.id)

    assert outcome == {"status": 200, "body": {"physical_servers": [{"id": server.id}]}}
    assert dig(shown, "body", "power_state") == "on"
    assert dig(shown, "body", "operation_state") == "power-on-succeed"
    assert vendor.centre.machine(server.id).received[Action.ON] == 1


async def test_vendor_client_reads_the_counts(vendor: VendorClient) -> None:
    """The fleet's counts decode too."""
    outcome = await vendor.call("status")

    assert dig(outcome, "body", "server_status", "total", "count") == SERVERS


async def test_vendor_client_finds_its_project_by_region(vendor: VendorClient) -> None:
    """With a region alone it asks IAM for the project, by a signed request."""
    outcome = await vendor.call("list", project_id="", limit=10)

    assert outcome["status"] == 200
    assert "KeystoneListProjects" in vendor.centre.counts()


async def test_vendor_client_understands_the_old_generation(vendor: VendorClient) -> None:
    """Records without operation_state decode as well."""
    vendor.centre.switches.generation = Generation.OLD

    outcome = await vendor.call("list", limit=10)

    assert dig(outcome, "body", "servers", 0, "power_state") in {"on", "off"}


@pytest.mark.parametrize(
    ("ids", "status", "code"),
    [
        ([NOBODY] * 51, 400, "iMetal.0001"),
        ([NOBODY], 404, "iMetal.0100"),
        (None, 400, "iMetal.0002"),
    ],
    ids=["fifty-one", "unknown", "no-list"],
)
async def test_vendor_client_is_refused_with_a_code_it_can_read(
    vendor: VendorClient, ids: list[str] | None, status: int, code: str
) -> None:
    """Status, code, message and request id all parse."""
    outcome = await vendor.call("power", action="rebooting", server_id_set=ids)

    assert (outcome["status"], outcome["code"]) == (status, code)
    assert outcome["message"]
    assert outcome["request_id"] == vendor.centre.power_calls()[-1].request_id


async def test_vendor_client_with_a_wrong_secret_is_refused(vendor: VendorClient) -> None:
    """A bad signature is 401 APIGW.0301, and nothing is switched."""
    server = server_that_is(vendor.centre, Power.ON)

    outcome = await vendor.call("power", sk="wrong", action="power off", server_id_set=[server.id])

    assert (outcome["status"], outcome["code"]) == (401, "APIGW.0301")
    assert "verify aksk signature fail" in str(outcome["message"])
    assert outcome["request_id"]
    assert vendor.centre.machine(server.id).received.total() == 0
