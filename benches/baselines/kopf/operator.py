"""Baseline: the same job with kopf, as its documentation shows it.

Tuned: one call to Scalekit at rest, no events, 16 calls at a time at most, paced calls.
"""
import asyncio
import datetime
import os
import random
import ssl
import time

import aiohttp
import kopf

RESOURCE = ("scalekit.com", "v1alpha1", "organizationsessionpolicies")
INTERVAL = float(os.environ["BASELINE_INTERVAL"])
GAP = 1 / float(os.environ["BASELINE_RATE"])
URL = os.environ["SCALEKIT_ENVIRONMENT_URL"]
UNITS = {"HOURS": 60, "DAYS": 1440}


class Scalekit:
    def __init__(self):
        trust = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
        self.http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=trust, limit=16), timeout=aiohttp.ClientTimeout(total=60, sock_read=10)
        )
        self.token = None
        self.lock = asyncio.Lock()
        self.next = 0.0

    async def turn(self):
        at = max(self.next, time.monotonic())
        self.next = at + GAP
        if (wait := at - time.monotonic()) > 0:
            await asyncio.sleep(wait)

    async def bearer(self):
        async with self.lock:
            if self.token is None:
                form = {
                    "grant_type": "client_credentials",
                    "client_id": os.environ["SCALEKIT_CLIENT_ID"],
                    "client_secret": os.environ["SCALEKIT_CLIENT_SECRET"],
                }
                async with self.http.post(f"{URL}/oauth/token", data=form) as response:
                    response.raise_for_status()
                    self.token = (await response.json())["access_token"]
            return {"authorization": f"Bearer {self.token}"}

    async def call(self, method, path, body=None):
        for _ in range(10):
            headers = await self.bearer()
            await self.turn()
            url = f"{URL}/api/v1/organizations/{path}"
            async with self.http.request(method, url, headers=headers, json=body) as response:
                if response.status == 429:
                    wait = float(response.headers.get("retry-after", 1))
                    self.next = max(self.next, time.monotonic() + wait)
                elif response.status == 401:
                    self.token = None
                else:
                    response.raise_for_status()
                    return await response.json()
        raise kopf.TemporaryError("no success after ten tries", delay=2 + 8 * random.random())


def minutes(policy, timeout):
    return policy[timeout] * UNITS.get(policy.get(timeout + "Unit"), 1) if timeout in policy else None


def desired_policy(policy):
    desired = {"policy_source": policy["policySource"]}
    if (absolute := minutes(policy, "absoluteSessionTimeout")) is not None:
        desired |= {"absolute_session_timeout": absolute, "absolute_session_timeout_unit": "MINUTES"}
        desired["idle_session_timeout_enabled"] = policy.get("idleSessionTimeoutEnabled", False)
    if (idle := minutes(policy, "idleSessionTimeout")) is not None:
        desired |= {"idle_session_timeout": idle, "idle_session_timeout_unit": "MINUTES"}
    return desired


def essence(policy):
    idle = policy.get("idle_session_timeout") if policy.get("idle_session_timeout_enabled") else None
    return policy.get("policy_source"), policy.get("absolute_session_timeout"), idle


@kopf.on.startup()
async def configure(settings: kopf.OperatorSettings, memo, **_):
    settings.posting.enabled = False
    settings.persistence.finalizer = "baseline.scalekit.com/kopf"
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage()
    memo.scalekit = Scalekit()


async def reconcile(memo, spec, status, meta, patch):
    organization, desired = spec["organization"]["id"], desired_policy(spec["policy"])
    path = f"{organization}/session-policy"
    try:
        live = await memo.scalekit.call("GET", path)
        if essence(live["policy"]) != essence(desired):
            read = await memo.scalekit.call("GET", organization)
            features = read["organization"].get("settings", {}).get("features", [])
            if not any(f["name"] == "session_policy" and f.get("enabled") for f in features):
                features = [f for f in features if f["name"] != "session_policy"]
                features.append({"name": "session_policy", "enabled": True})
                await memo.scalekit.call("PATCH", f"{organization}/settings", {"features": features})
            echo = await memo.scalekit.call("PATCH", path, desired)
            if essence(echo["policy"]) != essence(desired):
                raise kopf.TemporaryError("the policy was not applied", delay=30)
    except (aiohttp.ClientError, asyncio.TimeoutError) as error:
        raise kopf.TemporaryError(str(error), delay=2 + 8 * random.random()) from error
    ready = next((c for c in status.get("conditions", []) if c["type"] == "Ready" and c["status"] == "True"), None)
    generation = meta["generation"]
    if ready is None or status.get("observedGeneration") != generation:
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        patch.status["observedGeneration"] = generation
        patch.status["organizationId"] = organization
        patch.status["conditions"] = [
            {
                "type": "Ready", "status": "True", "reason": "InSync", "message": "applied",
                "lastTransitionTime": ready["lastTransitionTime"] if ready else now,
                "observedGeneration": generation,
            }
        ]


@kopf.on.create(*RESOURCE)
@kopf.on.update(*RESOURCE, field="spec")
async def changed(memo, spec, status, meta, patch, **_):
    await reconcile(memo, spec, status, meta, patch)


# spread over the interval, also after a restart, when all resources are there at once
@kopf.timer(*RESOURCE, interval=INTERVAL, initial_delay=lambda **_: INTERVAL * random.random())
async def due(memo, spec, status, meta, patch, **_):
    await reconcile(memo, spec, status, meta, patch)


@kopf.on.delete(*RESOURCE)
async def deleted(memo, spec, **_):
    path = f"{spec['organization']['id']}/session-policy"
    try:
        live = await memo.scalekit.call("GET", path)
        if live["policy"]["policy_source"] != "APPLICATION":
            await memo.scalekit.call("PATCH", path, {"policy_source": "APPLICATION"})
    except (aiohttp.ClientError, asyncio.TimeoutError) as error:
        raise kopf.TemporaryError(str(error), delay=2 + 8 * random.random()) from error


@kopf.on.cleanup()
async def close(memo, **_):
    await memo.scalekit.http.close()
