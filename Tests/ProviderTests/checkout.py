"""Paying, as people and their browsers do it. usage: checkout.py BASE NAME [ADDRESS]"""
import json, sys, threading, urllib.parse
from browser import Browser
from provider import World, expect


def call(base, method, path, token, fields=None):
    body = json.dumps(fields) if fields is not None else None
    page = Browser().request(method, base + path, body, {"Authorization": "Bearer " + token, "Content-Type": "application/json"})
    return page.status, json.loads(page.text)


def balance(base, token):
    return call(base, "GET", "/v1/balance", token)[1]["balance"]


def buyer(base):
    """An app that may spend, its user's token, and a checkout of 5,000,000 credits."""
    world = World(base)
    token = world.tokens(world.app(), scope="openid credits.read credits.spend")["access_token"]
    status, opened = call(base, "POST", "/api/payments/checkout", token, {
        "package_id": "pack_5", "success_url": "https://app.example/paid?x=1", "cancel_url": "https://app.example/no"})
    expect(status == 200, opened)
    return token, opened["url"]


def paid_once(base):
    token, url = buyer(base)
    before = balance(base, token)
    browser = Browser()
    page = browser.get(url)
    expect("$5.00" in page.text and "https://app.example" in page.headers["Content-Security-Policy"], page.text)
    path = urllib.parse.urlsplit(url).path
    results = []
    def press():
        results.append(browser.submit(page, path + "/pay").location)
    threads = [threading.Thread(target=press) for _ in range(12)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    expect(results == ["https://app.example/paid?x=1"] * 12, results)
    expect(balance(base, token) == before + 5_000_000, balance(base, token))
    browser.submit(page, path + "/cancel")
    expect("Paid" in browser.get(url).text and balance(base, token) == before + 5_000_000)


def cancelled(base):
    token, url = buyer(base)
    before = balance(base, token)
    browser = Browser()
    page = browser.get(url)
    path = urllib.parse.urlsplit(url).path
    expect(browser.submit(page, path + "/cancel").location == "https://app.example/no")
    expect(browser.submit(page, path + "/pay").location == "https://app.example/no")
    expect("Cancelled" in browser.get(url).text and balance(base, token) == before)


def forged(base):
    token, url = buyer(base)
    before = balance(base, token)
    path = urllib.parse.urlsplit(url).path
    page = Browser().post(base + path + "/pay", {})
    expect(page.status == 200 and page.location is None, page)
    browser = Browser()
    shown = browser.get(url)
    page = browser.submit(shown, path + "/pay", {"form_token": "x"})
    expect(page.location is None, page)
    page = browser.submit(shown, path + "/pay", headers={"Sec-Fetch-Site": "cross-site"})
    expect(page.location is None and balance(base, token) == before, page)
    for path in ["/checkout/cs_nothing", "/checkout/%2e%2e", "/checkout/" + "a" * 5_000]:
        expect(browser.get(base + path).status in (404, 400), path)
    # Nobody opens a checkout without the right to.
    world = World(base)
    poor = world.tokens(world.app(), scope="openid credits.read")["access_token"]
    asked = {"package_id": "pack_5", "success_url": "https://a.example/", "cancel_url": "https://a.example/"}
    expect(call(base, "POST", "/api/payments/checkout", poor, asked)[0] == 403)
    for address in ["javascript:alert(1)", "/here", "", None]:
        status, _ = call(base, "POST", "/api/payments/checkout", token, {**asked, "success_url": address})
        expect(status == 400, address, status)


def press(base, address):
    """The person who sees the address that `topup` shows."""
    browser = Browser()
    page = browser.submit(browser.get(address), urllib.parse.urlsplit(address).path + "/pay")
    page = browser.get(page.location)
    expect(page.status == 200 and "The credits are there" in page.text, page)


if __name__ == "__main__":
    globals()[sys.argv[2]](sys.argv[1], *sys.argv[3:])
    print("ok")
