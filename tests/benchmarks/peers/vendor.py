"""Runs in the vendor's environment: switches servers off as the SDK's own examples do."""

import json
import pathlib
import sys
import time
from typing import Any

import huaweicloudsdkclouddc.v1 as clouddc
from huaweicloudsdkcore.auth.credentials import BasicCredentials

POLL_S = 1.0


def switch_off(client: Any, ids: list[str]) -> None:
    """Call for one server after another, then look at each until it is off."""
    for server_id in ids:
        body = clouddc.PowerAction(action="power off", server_id_set=[server_id])
        client.change_server_power_state(clouddc.ChangeServerPowerStateRequest(body=body))
    for server_id in ids:
        while client.show_server(clouddc.ShowServerRequest(id=server_id)).power_state != "off":
            time.sleep(POLL_S)


def main() -> None:
    """Read what to do from a file and print how long it took."""
    url, ak, sk, project_id, ids = json.loads(pathlib.Path(sys.argv[1]).read_text())
    builder = clouddc.CloudDCClient.new_builder()
    builder.with_credentials(BasicCredentials(ak, sk, project_id)).with_endpoint(url)
    client = builder.build()
    began = time.monotonic()
    switch_off(client, ids)
    print("READY", time.monotonic() - began, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
