"""What is taken back ends, at once and everywhere, and what comes many times at once counts once.
usage: endings.py BASE NAME; needs Debian's python3-websockets."""
import asyncio, json, sys, threading, urllib.parse
from websockets import ConnectionClosed
from websockets.legacy.client import connect
from browser import Browser
from provider import World, answer, expect

SPENDING = "credits.read credits.spend"


def call(base, method, path, token, body=None):
    """(status, JSON)"""
    headers = {"Authorization": "Bearer " + token, "Content-Type": "application/json"}
    page = Browser().request(method, base + path, json.dumps(body) if body is not None else None, headers)
    return page.status, json.loads(page.text)


def session_of(world):
    page = Browser().request(
        "POST", world.base + "/auth/login", json.dumps({"email": world.email, "password": "correct horse"}),
        {"Content-Type": "application/json"})
    expect(page.status == 200, page.text)
    return json.loads(page.text)["session_token"]


def talk(base, token, change):
    """The close of a session in whose middle `change` happens: (number, reason)."""
    async def run():
        async with connect(base.replace("http", "ws") + "/v1/audio/voice-conversion", ping_interval=None) as socket:
            await socket.send(json.dumps({
                "type": "auth", "token": token, "voice": "none", "format": "pcm_16le_16k_mono",
                "max_duration_seconds": 60}))
            ready = json.loads(await socket.recv())
            expect(ready["type"] == "ready", ready)
            await asyncio.to_thread(change)


            async def speak():
                for _ in range(1_000):
                    await socket.send(bytes(640))
                    await asyncio.sleep(0.02)
            speaking = asyncio.create_task(speak())
            try:
                async for _ in socket:
                    pass
            except ConnectionClosed:
                pass
            await asyncio.gather(speaking, return_exceptions=True)
            return socket.close_code, socket.close_reason
    return asyncio.run(run())


def revoked_tokens(base):
    world = World(base)
    app = world.app(scopes=SPENDING.split())
    tokens = world.tokens(app, scope=SPENDING)
    code, reason = talk(base, tokens["access_token"], lambda: app.token(path="/oauth/revoke", token=tokens["refresh_token"]))
    expect(code == 4401 and reason.startswith("INVALID_AUTH"), code, reason)


def revoked_grants(base):
    world = World(base)
    app = world.app(scopes=SPENDING.split())
    tokens = world.tokens(app, scope=SPENDING)

    def take_back():
        page = world.browser.get(base + "/dashboard/apps")
        expect(world.browser.submit(page, "/dashboard/grants/revoke", {}).status == 303)
    code, reason = talk(base, tokens["access_token"], take_back)
    expect(code == 4401 and reason.startswith("INVALID_AUTH"), code, reason)
    expect(app.refresh(tokens["refresh_token"])[1]["error"] == "invalid_grant")


def removed_apps(base):
    """By the API: the developer's webhooks hear of the user who is disconnected by it."""
    developer, user = World(base), World(base)
    app = developer.app(scopes=SPENDING.split())
    session = session_of(developer)
    status, hook = call(base, "POST", "/v1/webhooks", session, {
        "url": "https://hooks.example/", "events": ["user.connected", "user.disconnected"]})
    expect(status == 201, hook)
    tokens = user.tokens(app, scope=SPENDING)
    apps = call(base, "GET", "/developers/apps", session)[1]["apps"]
    expect([one["client_id"] for one in apps] == [app.client_id], apps)
    code, reason = talk(
        base, tokens["access_token"], lambda: call(base, "DELETE", "/developers/apps/" + apps[0]["id"], session))
    expect(code == 4401 and reason.startswith("INVALID_AUTH"), code, reason)
    log = call(base, "GET", f"/v1/webhooks/{hook['id']}/deliveries", session)[1]["deliveries"]
    expect(sorted(one["type"] for one in log) == ["user.connected", "user.disconnected"], log)
    expect(app.refresh(tokens["refresh_token"])[0] == 401, "the app is gone")


def together(count, body):
    """What `body` gave each of so many threads that began at the same time."""
    gate, results = threading.Barrier(count), []

    def run():
        gate.wait()
        results.append(body())
    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def codes_at_once(base):
    world = World(base)
    app = world.app()
    for _ in range(5):
        code, verifier = world.allow(app)
        results = together(6, lambda: app.exchange(code, verifier))
        good = [fields for status, fields in results if status == 200]
        expect(len(good) == 1, results)
        expect(all(fields["error"] == "invalid_grant" for status, fields in results if status != 200), results)
        expect(app.info(good[0]["access_token"])[0] == 401, "a code that came twice ends what came of it")


def refreshes_at_once(base):
    world = World(base)
    app = world.app()
    for _ in range(5):
        tokens = world.tokens(app)
        results = together(6, lambda: app.refresh(tokens["refresh_token"]))
        good = [fields for status, fields in results if status == 200]
        expect(len(good) == 1, results)
        expect(app.refresh(good[0]["refresh_token"])[1]["error"] == "invalid_grant", "the family has ended")
        expect(app.info(good[0]["access_token"])[0] == 401)


def payments_at_once(base):
    """Paid, cancelled and taken back at the same time: one of them happens, once."""
    world = World(base)
    session = session_of(world)
    balance = 1_000_000
    for turn in range(6):
        fields = {"package_id": "pack_5", "success_url": "https://a.example/y", "cancel_url": "https://a.example/n"}
        checkout = call(base, "POST", "/api/payments/checkout", session, fields)[1]["session_id"]
        url = f"{base}/checkout/{checkout}"
        ways = ["pay"] * 6 if turn % 2 else ["pay", "cancel"] * 3

        def press():
            browser = Browser()
            way = ways.pop()
            page = browser.get(url)
            # Whoever is too late finds no button.
            return browser.submit(page, f"/checkout/{checkout}/{way}", {}).location if page.forms else None
        results = set(together(6, press)) - {None}
        paid = call(base, "GET", "/auth/me", session)[1]["user"]["balance"] - balance
        expect(paid in (0, 5_000_000), paid)
        expect(results == {fields["success_url" if paid else "cancel_url"]}, results)
        expect(turn % 2 == 0 or paid == 5_000_000, paid)
        if paid:
            refunds = together(6, lambda: call(base, "POST", f"/api/payments/checkout/{checkout}/refund", session)[0])
            expect(sorted(refunds) == [200] + [409] * 5, refunds)
        expect(call(base, "GET", "/auth/me", session)[1]["user"]["balance"] == balance)


SCENARIOS = [revoked_tokens, revoked_grants, removed_apps, codes_at_once, refreshes_at_once, payments_at_once]

if __name__ == "__main__":
    {scenario.__name__: scenario for scenario in SCENARIOS}[sys.argv[2]](sys.argv[1])
    print("ok")
